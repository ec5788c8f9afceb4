// English, which the other languages follow key by key.
import { ui } from './ui';
import { app } from './app';
import { editor } from './editor';
import { layout } from './layout';
import { stage } from './stage';
import { queue } from './queue';
import { viewer } from './viewer';
import { library } from './library';
import { model } from './model';
import { magic } from './magic';
import { lint } from './lint';
import { settings } from './settings';
import { lora } from './lora';
import { tools } from './tools';

export const en = { ui, app, editor, layout, stage, queue, viewer, library, model, magic, lint, settings, lora, tools };
export type Words = typeof en;
