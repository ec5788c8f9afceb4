// Before the first paint: the theme that was chosen, so that nothing flashes.
(function () {
  var theme = 'system';
  try {
    var stored = JSON.parse(localStorage.getItem('i4.prefs') || 'null');
    var chosen = stored && stored.data && stored.data.theme;
    if (!chosen && !stored) chosen = localStorage.getItem('theme'); // as the original kept it
    if (chosen === 'light' || chosen === 'dark') theme = chosen;
  } catch (_) {
    // a storage that throws: the system's theme
  }
  document.documentElement.dataset.theme = theme;
})();
