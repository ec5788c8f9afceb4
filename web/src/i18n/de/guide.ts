import type { guideTopics as words } from '../en/guide';

export const guideTopics: typeof words = [
  {
    title: 'Zuerst das Medium',
    text: [
      'Fotografie, Gemälde, 3D-Rendering: Dieses eine Wort lenkt alles. Erst entscheiden, dann das Übrige passend schreiben. Eine Fotografie hat Objektiv und Abstand, ein Gemälde Pinselstrich und Oberfläche.',
      'Kamerawörter im Gemälde oder Pinselstriche im Foto ziehen in zwei Richtungen und schwächen beide.',
    ],
  },
  {
    title: 'Alles in sein Feld',
    text: [
      'Beschreibung: das ganze Bild in ein, zwei Sätzen. Stimmung und Licht: wie es wirkt und woher das Licht kommt. Hintergrund: was hinter allem liegt. Elemente: die Dinge, auf die man zeigen würde.',
      'Jedes nur einmal sagen, im Feld, in das es gehört. Zweimal ist nicht stärker, nur unklarer.',
    ],
  },
  {
    title: 'Der Aufbau kommt aus den Elementen',
    text: [
      'Wo etwas ist, entscheiden Beschreibung, Elemente und ihre Rahmen. „Weitwinkel“ verschiebt nichts; „eine kleine Hütte unten links, Berge in der oberen Hälfte“ schon.',
      'Was weiter unten in der Liste steht, liegt weiter vorn.',
    ],
  },
  {
    title: 'Ein Rahmen hält fest',
    text: [
      'Rahmen sind für Schrift, Verpackungen, Plakate und alles, was genau sitzen muss. Ein Text bekommt so viel Raum, wie er haben soll: Er füllt seinen Rahmen.',
      'Wer noch eine Idee sucht, lässt Rahmen weg. Dann findet das Modell Anordnungen, an die niemand gedacht hat.',
    ],
  },
  {
    title: 'Ein Ding, ein Element',
    text: [
      'Eine Tänzerin ist ein Element, nicht Kopf, Arme und Kleid. Ein Bücherregal ist ein Element, nicht vierzig. Teilen nur, was für sich steht.',
      'Wörter, die im Bild stehen sollen, gehören Buchstabe für Buchstabe in ein Textelement; in der Beschreibung noch einmal in Anführungszeichen, und dazu, wie sie aussehen.',
    ],
  },
  {
    title: 'Wenn nur Grau kommt',
    text: [
      'Manche Beschreibungen beantwortet das Modell mit einer grauen Fläche. „Adult“ schreiben, wo ein Alter missverstanden werden könnte, keine lebenden Personen und Marken nennen, und deutlich sagen, was gemeint ist.',
      'Farben als #RRGGBB in Großbuchstaben. Ein Bild probieren, bevor eine lange Reihe beginnt: Was am ersten falsch ist, ist an allen falsch.',
    ],
  },
];
