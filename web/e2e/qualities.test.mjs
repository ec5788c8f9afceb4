// Qualities: C36 to C38.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { GOOD, mode, openQueue, tabTo, toast } from './acts.mjs';
import { bandsPng, seedLibrary } from './files.mjs';
import { CAPTION, VIEWPORTS, eventually, scenario } from './harness.mjs';
import { clipped, focusMark, initialScript, smallTargets, violations, walk } from './measures.mjs';
import { assertNoSideways, dropFile, listen, writeJson } from './steps.mjs';

const SLOW = { caption: GOOD, width: 512, height: 512, preset: 'V4_QUALITY_48', seed: 3, format: 'png' };
const both = ['light', 'dark'];

/** Every place of the page, one after the other; `look` is called at each. */
async function everywhere(page, stack, look) {
  const closed = (dialog) => dialog.waitFor({ state: 'detached' });
  await page.goto(`${stack.url}/trash`);
  await page.getByText('The trash is empty').waitFor();
  await look('empty trash');
  await page.goto(`${stack.url}/library`);
  await page.getByText('Nothing drawn yet').waitFor();
  await look('empty library');
  await page.goto(`${stack.url}/nowhere`);
  await page.getByRole('heading', { name: 'There is nothing here' }).waitFor();
  await look('unknown page');

  await page.goto(stack.url);
  await page.getByTestId('mode-quick').waitFor();
  await look('first run');
  await writeJson(page, JSON.stringify(GOOD));
  await look('json');
  for (const name of ['quick', 'form', 'layout']) {
    await mode(page, name);
    await look(name);
  }
  await writeJson(page, '{"high_level_description": "x"');
  await page.getByTestId('json-error').waitFor();
  await look('broken json');
  await page.getByTestId('json-revert').click();

  await stack.draw({ caption: GOOD, seed: 1 });
  await stack.draw({ caption: GOOD, seed: 2 });
  await mode(page, 'form');
  await page.getByTestId('guide-open').click();
  await page.getByTestId('guide').waitFor();
  await look('guide');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Preferences' }).first().click();
  const preferences = page.getByTestId('preferences');
  await preferences.waitFor();
  await look('preferences');
  await page.keyboard.press('Escape');
  await closed(preferences);
  await page.locator('main').focus();
  await page.keyboard.press('?');
  await page.getByTestId('keys').waitFor();
  await page.getByTestId('keys-picture.zoom').click();
  await page.keyboard.press('f');
  await page.getByText('Taken by').waitFor();
  await look('keys');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await closed(page.getByTestId('keys'));
  await page.keyboard.press('Control+k');
  await page.getByTestId('palette').waitFor();
  await look('commands');
  await page.keyboard.press('Escape');
  await closed(page.getByTestId('palette'));
  await dropFile(page, page.locator('main'), { name: 'a.png', type: 'image/png', bytes: bandsPng(64, { parameters: JSON.stringify(CAPTION) }) });
  await page.getByTestId('import-sheet').waitFor();
  await look('import');
  await page.keyboard.press('Escape');
  await closed(page.getByTestId('import-sheet'));

  const { jobs } = await stack.api('/api/queue', { items: [SLOW, { ...SLOW, seed: 4 }, { ...SLOW, seed: 5 }] });
  await openQueue(page);
  await page.locator('[data-testid=queue-row][data-state=running]').waitFor();
  await look('running job and open queue');
  await stack.api('/api/queue/clear', { running: true, pending: true }).catch(() => {});
  for (const job of jobs) await stack.api(`/api/queue/${job.id}`, undefined, 'DELETE').catch(() => {});

  await page.goto(`${stack.url}/library`);
  const items = page.getByTestId('library-item');
  await items.nth(1).waitFor();
  await look('library');
  await page.getByTestId('library-search').fill('nowhere to be found');
  await page.getByText('Nothing matches').waitFor();
  await look('nothing found');
  await page.getByTestId('library-search').fill('');
  await items.nth(1).waitFor();
  await page.getByTestId('library-filter').click();
  await page.getByTestId('library-kinds').waitFor();
  await look('filters');
  await page.keyboard.press('Escape');
  await items.first().click();
  await page.getByTestId('viewer').waitFor();
  await page.keyboard.press('i');
  await page.getByRole('complementary', { name: 'Recipe and tags' }).waitFor();
  await look('viewer');
  await page.keyboard.press('Escape');
  await closed(page.getByTestId('viewer'));
  await items.first().click({ modifiers: ['Control'] });
  await items.nth(1).click({ modifiers: ['Control'] });
  const bar = page.getByTestId('selection-bar');
  await bar.waitFor();
  await look('selection');
  await bar.getByRole('button', { name: 'Tags' }).click();
  await page.getByRole('dialog', { name: 'Tags' }).waitFor();
  await look('tags');
  await page.keyboard.press('Escape');
  await bar.getByRole('button', { name: 'Compare' }).click();
  await page.getByTestId('compare-table').waitFor();
  await look('compare');
  await page.keyboard.press('Escape');
  await closed(page.getByTestId('compare'));
  await items.first().focus();
  await page.keyboard.press('Delete');
  await toast(page, 'Moved').waitFor();
  await look('toast');
  await page.goto(`${stack.url}/trash`);
  await page.getByTestId('trash-item').first().waitFor();
  await look('trash');
  await page.getByTestId('trash-item').first().getByRole('button', { name: 'Delete for good' }).click();
  await page.getByTestId('confirm').waitFor();
  await look('confirmation');
  await page.keyboard.press('Escape');
  await closed(page.getByTestId('confirm'));
}

for (const viewport of ['desktop', 'phone']) {
  scenario(`C36 accessibility: rules and targets (${viewport})`, { viewport, timeout: 900_000 }, async ({ page, profile, stack }) => {
    const bad = [];
    const look = async (where) => {
      for (const colorScheme of both) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        bad.push(...(await violations(page, `${where}, ${colorScheme}`)));
      }
      bad.push(...(await smallTargets(page, viewport === 'phone' ? 44 : 24)).map((t) => `${where}: small: ${t}`));
      await assertNoSideways(page).catch((e) => bad.push(`${where}: ${e.message}`));
    };
    await everywhere(page, stack, look);
    assert.deepEqual([...new Set(bad)], []);
    profile.expect(/50[234]|Failed to load/);
    await page.goto(stack.url);
    await stack.stop('daemon');
    await stack.api('/api/queue', { items: [SLOW] });
    await page.getByTestId('banner').getByText('The drawing engine').waitFor();
    await look('banner');
    assert.deepEqual([...new Set(bad)], []);
  });
}

scenario('C36 accessibility: by Tab, focus and Esc', { timeout: 300_000 }, async ({ page, stack }) => {
  await stack.draw({ caption: GOOD });
  const bad = [];
  for (const colorScheme of both) {
    await page.emulateMedia({ colorScheme });
    for (const [path, name] of [['/', 'quick'], ['/', 'form'], ['/', 'layout'], ['/library', null], ['/trash', null]]) {
      await page.goto(stack.url + path);
      if (name) {
        await mode(page, name);
        await page.reload();
        await page.getByTestId(`mode-${name}`).waitFor();
      } else await page.locator('main').getByRole('heading').first().waitFor();
      const where = `${path} ${name ?? ''} ${colorScheme}`;
      const seen = await walk(page);
      assert.ok(seen, `${where}: Tab does not come to an end`);
      assert.ok(seen.length > 8, `${where}: only ${seen.map((mark) => mark.name).join(', ')}`);
      bad.push(...seen.filter((mark) => mark.contrast < 3).map((mark) => `${where}: ${mark.name}: ${mark.contrast.toFixed(1)}`));
    }
  }
  assert.deepEqual([...new Set(bad)], []);

  // Esc closes what is over the page, and the focus goes back.
  await page.goto(stack.url);
  await mode(page, 'form');
  for (const [open, opened] of [
    [page.getByTestId('guide-open'), page.getByTestId('guide')],
    [page.getByRole('button', { name: 'Preferences' }).first(), page.getByTestId('preferences')],
  ]) {
    await open.focus();
    await page.keyboard.press('Enter');
    await opened.waitFor();
    await page.keyboard.press('Shift+Tab');
    // From the ends of a native dialog the way leads to the browser's own bars, never to what lies below.
    const below = await page.evaluate(() => document.activeElement !== document.body && document.activeElement.closest('dialog') === null);
    assert.ok(!below, 'the focus stays in the dialog');
    await page.keyboard.press('Escape');
    await opened.waitFor({ state: 'detached' });
    await eventually('the focus is back', () => open.evaluate((b) => b === document.activeElement));
  }

  // The history over the page: with Esc, and by pressing beside it.
  await page.setViewportSize({ width: 1100, height: 800 });
  const toggle = page.getByTestId('history-toggle');
  const history = page.locator('aside');
  for (const close of [() => page.keyboard.press('Escape'), () => page.mouse.click(600, 400)]) {
    await toggle.focus();
    await page.keyboard.press('Enter');
    await eventually('the focus is in the history', () => history.evaluate((a) => a.contains(document.activeElement)));
    await close();
    await history.waitFor({ state: 'hidden' });
    await eventually('the focus is back', () => toggle.evaluate((b) => b === document.activeElement));
  }
});

scenario('C36 accessibility: narrow, spaced, still, forced colours', { context: { viewport: { width: 320, height: 640 } } }, async ({ page, stack }) => {
  await stack.draw({ caption: GOOD });
  await page.emulateMedia({ reducedMotion: 'reduce' });
  const places = [['/', 'quick'], ['/', 'form'], ['/', 'layout'], ['/', 'json'], ['/library', null], ['/trash', null]];
  const bad = [];
  for (const spaced of [false, true]) {
    for (const [path, name] of places) {
      await page.goto(stack.url + path);
      if (name) await mode(page, name);
      else await page.locator('main').getByRole('heading').first().waitFor();
      if (spaced) {
        await page.evaluate(() => {
          const sheet = new CSSStyleSheet();
          sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }');
          document.adoptedStyleSheets = [sheet];
        });
      }
      const where = `${path} ${name ?? ''}${spaced ? ' spaced' : ''}`;
      await assertNoSideways(page).catch((e) => bad.push(`${where}: ${e.message}`));
      bad.push(...(await clipped(page)).map((c) => `${where}: ${c}`));
      const moving = await page.evaluate(() =>
        [...document.querySelectorAll('*')]
          .filter((e) => {
            const s = getComputedStyle(e);
            const long = (list) => list.split(',').some((d) => parseFloat(d) * (d.trim().endsWith('ms') ? 1 : 1000) > 1);
            return long(s.transitionDuration) || (s.animationName !== 'none' && long(s.animationDuration));
          })
          .map((e) => e.className),
      );
      if (moving.length > 0) bad.push(`${where}: moves: ${moving[0]}`);
    }
  }
  await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' });
  await page.goto(stack.url);
  await mode(page, 'form');
  bad.push(...(await violations(page, 'forced colours')));
  await tabTo(page, '[data-testid=field-hld]');
  const mark = await focusMark(page);
  assert.ok(mark.contrast >= 3, JSON.stringify(mark));
  assert.deepEqual(bad, []);
});

scenario(
  'C36 accessibility: what is said, and messages',
  { prepare: (stack) => writeFileSync(stack.path('loras', 'broken.safetensors'), 'no') },
  async ({ page, stack }) => {
    await page.getByTestId('generate').waitFor();
    const heard = await listen(page);
    const job = await stack.draw(SLOW);
    assert.equal(job.state, 'done');
    const of = async (start) => (await heard()).filter((x) => x.text.startsWith(start)).length;
    await eventually('the end was said', () => of('Finished'));
    assert.equal(await of('Finished'), 1);
    assert.equal(await of('Drawing started'), 1);
    const quarters = (await heard()).map((x) => /^(\d+) percent/.exec(x.text)?.[1]).filter(Boolean);
    assert.deepEqual(quarters, ['25', '50', '75']);
    const failed = await stack.draw({ caption: GOOD, loras: [{ name: 'broken.safetensors', strength: 1 }] });
    assert.equal(failed.state, 'failed');
    await eventually('the failure was said', () => of('Failed'));
    assert.equal(await of('Failed'), 1);

    await stack.api('/api/queue', { items: [SLOW, { ...SLOW, seed: 9 }] });
    await openQueue(page);
    const bars = page.getByRole('progressbar');
    await bars.first().waitFor();
    for (const bar of await bars.all()) {
      const [label, value, text] = await bar.evaluate((b) => [
        b.getAttribute('aria-label') ?? document.getElementById(b.getAttribute('aria-labelledby') ?? '')?.textContent ?? '',
        b.getAttribute('aria-valuenow'),
        b.getAttribute('aria-valuetext'),
      ]);
      assert.ok(label.length > 2, 'a progressbar has no name');
      if (value !== null) assert.ok(Number(value) >= 0 && Number(value) <= 100, `${label}: ${value} ${text}`);
    }
  },
);

/** Notes when messages come and go, by the page's own clock. */
function noteStays(page) {
  return page.evaluate(() => {
    window.stays = [];
    new MutationObserver((changes) => {
      for (const { addedNodes, removedNodes } of changes) {
        for (const one of addedNodes) if (one.matches?.('[data-testid=toast]')) window.stays.push({ one, text: one.textContent, from: Date.now() });
        for (const one of removedNodes) for (const stay of window.stays) if (stay.one === one) stay.to = Date.now();
      }
    }).observe(document.body, { subtree: true, childList: true });
  });
}

const stayOf = (page, start) =>
  page.evaluate((text) => {
    const { from, to } = window.stays.find((stay) => stay.text.startsWith(text));
    return to - from;
  }, start);

scenario('C36 accessibility: how long messages stay', async ({ page, stack }) => {
  for (const seed of [1, 2, 3]) await stack.draw({ caption: GOOD, seed });
  await page.clock.install();
  await page.goto(`${stack.url}/library`);
  const items = page.getByTestId('library-item');
  await items.nth(2).waitFor();
  await noteStays(page);
  const message = toast(page, 'Moved');
  const remove = async () => {
    await items.first().focus();
    await page.keyboard.press('Delete');
    await message.waitFor();
  };
  await remove();
  assert.ok(await page.evaluate(() => document.activeElement.closest('[data-testid=toast]') === null), 'a message takes no focus');
  await page.clock.runFor(12_500);
  await message.waitFor({ state: 'detached' });
  assert.ok((await stayOf(page, 'Moved')) > 11_900, 'with an action it stays 12 s');

  await remove();
  await message.hover();
  await page.clock.runFor(20_000);
  assert.ok(await message.isVisible(), 'it waits while one looks');
  await message.getByRole('button', { name: 'Undo' }).focus();
  await page.mouse.move(0, 0);
  await page.clock.runFor(20_000);
  assert.ok(await message.isVisible(), 'it waits while it has the focus');
  await items.first().focus();
  await page.clock.runFor(12_500);
  await message.waitFor({ state: 'detached' });

  // Without an action.
  await page.goto(stack.url);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await mode(page, 'json');
  await noteStays(page);
  await page.getByTestId('json-copy').click();
  const copied = toast(page, 'Copied');
  await copied.waitFor();
  await page.clock.runFor(6200);
  await copied.waitFor({ state: 'detached' });
  assert.ok((await stayOf(page, 'Copied')) > 5900, 'it stays 6 s');
});

/** Runs before the page's own scripts: the ground of the first frame that is painted. */
const noteFirstFrame = () => {
  const note = () => {
    if (!document.body) return requestAnimationFrame(note);
    window.firstGround = getComputedStyle(document.documentElement).backgroundColor;
  };
  requestAnimationFrame(note);
};
const isDark = (page) =>
  page.evaluate(() => {
    const c = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d');
    c.fillStyle = window.firstGround;
    c.fillRect(0, 0, 1, 1);
    return c.getImageData(0, 0, 1, 1).data[0] < 100;
  });

async function choose(page, act) {
  await page.getByRole('button', { name: /Preferences|Einstellungen/ }).first().click();
  await page.getByTestId('preferences').waitFor();
  await act();
  await page.keyboard.press('Escape');
  await page.getByTestId('preferences').waitFor({ state: 'detached' });
}

scenario('C37 themes', async ({ page, stack }) => {
  await page.addInitScript(noteFirstFrame);
  for (const [colorScheme, dark] of [['dark', true], ['light', false]]) {
    await page.emulateMedia({ colorScheme });
    await page.goto(stack.url);
    await page.getByTestId('generate').waitFor();
    assert.equal(await isDark(page), dark);
  }
  await choose(page, () => page.getByTestId('theme').getByRole('radio', { name: 'Dark' }).click());
  await page.reload();
  await page.getByTestId('generate').waitFor();
  assert.equal(await isDark(page), true, 'the choice is remembered against the system');
  await page.emulateMedia({ colorScheme: 'dark' });
  await choose(page, () => page.getByTestId('theme').getByRole('radio', { name: 'Light' }).click());
  await page.reload();
  await page.getByTestId('generate').waitFor();
  assert.equal(await isDark(page), false);
});

scenario('C37 languages', { prepare: (stack) => seedLibrary(stack, 1200), timeout: 300_000 }, async ({ page, stack }) => {
  // Numbers and dates follow, and so does the draft through the switch.
  await mode(page, 'form');
  await page.getByTestId('field-hld').fill('A draft that stays.');
  await choose(page, () => page.getByTestId('language').selectOption('de'));
  await eventually('the page is German', () => page.evaluate(() => document.documentElement.lang === 'de'));
  assert.equal(await page.getByTestId('field-hld').inputValue(), 'A draft that stays.');
  await page.goto(`${stack.url}/library`);
  await page.getByTestId('library-count').filter({ hasText: '1.200' }).waitFor();
  await page.reload();
  await page.getByTestId('library-count').filter({ hasText: '1.200' }).waitFor();
  await choose(page, () => page.getByTestId('language').selectOption('en'));
  await page.getByTestId('library-count').filter({ hasText: '1,200' }).waitFor();

  // Every word comes from a dictionary, and longer ones have room.
  await page.goto(stack.url);
  await page.evaluate(() => {
    const prefs = JSON.parse(localStorage.getItem('i4.prefs'));
    prefs.data.language = 'pseudo';
    localStorage.setItem('i4.prefs', JSON.stringify(prefs));
  });
  const own = ['Turbo', 'Seeded picture', 'Series', 'OPEN LATE', 'bold letters', 'plain', 'A draft that stays.'];
  const untranslated = () =>
    page.evaluate((known) => {
      const names = (text) => /^[A-Z0-9_ ·.,:×%/+\-–()]*$/i.test(text) && known.some((k) => text.includes(k));
      const bad = new Set();
      const check = (text, where) => {
        const trimmed = text.trim();
        const rest = trimmed.replace(/⟦[^⟧]*⟧/g, '').replace(/\d{1,2} [A-Z]\w+ \d{4}/g, ''); // dates follow the locale
        if (!/[a-zäöü]{3,}/i.test(rest) || names(rest)) return;
        bad.add(`${where}: ${trimmed.slice(0, 60)}`);
      };
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const parent = node.parentElement;
        if (parent.closest('script, style, .cm-editor, time, code, pre, kbd, [data-testid=history-item], [data-testid=library-item], option')) continue;
        check(node.data, parent.tagName.toLowerCase());
      }
      for (const element of document.querySelectorAll('[aria-label], [title], [placeholder]')) {
        if (element.closest('[data-testid=history-item], [data-testid=library-item], time')) continue;
        for (const name of ['aria-label', 'title', 'placeholder']) check(element.getAttribute(name) ?? '', name);
      }
      return [...bad];
    }, own);
  const bad = [];
  for (const [width, height] of [[1440, 900], [820, 1180], [390, 844]]) {
    await page.setViewportSize({ width, height });
    for (const [path, name] of [['/', 'quick'], ['/', 'form'], ['/', 'layout'], ['/', 'json'], ['/library', null], ['/trash', null]]) {
      await page.goto(stack.url + path);
      if (name) await mode(page, name);
      else await page.locator('main').getByRole('heading').first().waitFor();
      const where = `${width} ${path} ${name ?? ''}`;
      bad.push(...(await untranslated()).map((u) => `${path} ${name ?? ''} untranslated ${u}`));
      bad.push(...(await clipped(page)).map((c) => `${where} clipped ${c}`));
      await assertNoSideways(page).catch((e) => bad.push(`${where}: ${e.message}`));
    }
  }
  assert.deepEqual([...new Set(bad)], []);
});

scenario('C37 from right to left', { timeout: 300_000 }, async ({ page, stack }) => {
  const { prompt_id } = await stack.draw({ caption: GOOD });
  await page.getByTestId('generate').waitFor();
  await page.evaluate(() => localStorage.setItem('i4.prefs', JSON.stringify({ v: 1, data: { language: 'pseudo-rtl' } })));
  const bad = [];
  /** Whether the first of two lies to the right of the second, as it does where one reads from there. */
  const isBefore = async (what, first, second) => {
    const [a, b] = [await first.boundingBox(), await second.boundingBox()];
    if (!a || !b || a.x + a.width / 2 <= b.x + b.width / 2) bad.push(`${what} is not mirrored`);
  };
  const frame = page.locator('main');
  for (const [width, height] of [[1440, 900], [820, 1180], [390, 844]]) {
    await page.setViewportSize({ width, height });
    for (const [path, name] of [['/', 'quick'], ['/', 'form'], ['/', 'layout'], ['/', 'json'], [`/history/${prompt_id}`, 'form'], ['/library', null], ['/trash', null]]) {
      await page.goto(stack.url + path);
      if (name) await mode(page, name);
      else await frame.getByRole('heading').first().waitFor();
      const where = `${width} ${path} ${name ?? ''}`;
      await assertNoSideways(page).catch((e) => bad.push(`${where}: ${e.message}`));
      bad.push(...(await clipped(page)).map((c) => `${where} clipped ${c}`));
      if (name) {
        await isBefore(`${where}: modes`, page.getByTestId('mode-quick'), page.getByTestId('mode-json'));
        await isBefore(`${where}: generate`, page.getByTestId('undo'), page.getByTestId('generate'));
        if (width === 1440) await isBefore(`${where}: the inspector`, page.locator('aside'), page.getByTestId('mode-quick'));
      }
      if (width >= 768) await isBefore(`${where}: the rail`, page.locator('nav').first(), frame);
      if (path === '/library' && width >= 768) await isBefore(`${where}: the tools`, page.getByTestId('library-search'), page.getByTestId('library-filter'));
    }
    await page.getByRole('button', { name: /Preferences/ }).first().click();
    const dialog = page.getByTestId('preferences');
    await dialog.waitFor();
    await isBefore(`${width}: a dialog`, dialog.getByRole('heading').first(), dialog.getByRole('button', { name: /Close/ }));
    await page.keyboard.press('Escape');
  }
  assert.deepEqual([...new Set(bad)], []);
});

scenario('B16 keys are changed and switched off', async ({ page, stack }) => {
  await page.getByTestId('generate').waitFor();
  const modeOn = (name) => page.locator(`[data-testid="mode-${name}"][data-state="active"]`);
  const openSheet = async () => {
    await page.getByRole('button', { name: 'Preferences' }).first().click();
    await page.getByTestId('pref-keys').click();
    await page.getByTestId('keys').waitFor();
  };
  const closeSheet = async () => {
    await page.keyboard.press('Escape');
    await page.getByTestId('keys').waitFor({ state: 'detached' });
  };
  const give = async (id, ...pressed) => {
    await page.getByTestId(`keys-${id}`).focus();
    await page.keyboard.press('Enter');
    for (const keys of pressed) await page.keyboard.press(keys);
  };
  await openSheet();
  await give('layout', 'Alt+l');
  await give('queue', 'x');
  // What somebody has already is not taken silently, and what moves about not at all.
  await give('search', 'x');
  await page.getByText('Taken by “Show the queue”.').waitFor();
  await page.keyboard.press('ArrowLeft');
  await page.getByText('These keys belong to').waitFor();
  await page.keyboard.press('Escape');
  await give('picture.favorite', 'y');
  await give('picture.info');
  await page.getByRole('button', { name: 'Switch off' }).click();
  await page.getByRole('button', { name: 'Recipe: Off Change' }).waitFor();
  await closeSheet();

  await page.keyboard.press('Alt+3');
  await page.keyboard.press('Alt+4');
  await modeOn('json').waitFor();
  assert.equal(await modeOn('layout').count(), 0, 'the old keys mean nothing');
  await page.keyboard.press('Alt+l');
  await modeOn('layout').waitFor();
  await page.locator('main').focus();
  await page.keyboard.press('x');
  await page.getByTestId('queue-filter-all').waitFor();

  // They are there after a reload, in tips and commands, and where pictures have their own.
  const job = await stack.draw({ caption: GOOD });
  await page.goto(`${stack.url}/library?image=${job.image_id}`);
  await page.getByTestId('viewer').waitFor();
  const info = page.getByRole('complementary', { name: 'Recipe and tags' });
  await page.keyboard.press('i');
  const isFavorite = async () => (await stack.api(`/api/library/${job.image_id}`)).fav;
  await page.keyboard.press('f');
  await page.keyboard.press('y');
  await eventually('the picture is a favourite', isFavorite);
  assert.ok(!(await info.isVisible()), 'what is off does nothing');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.getByTestId('palette').getByRole('option', { name: /Show the queue/ }).getByText('X', { exact: true }).waitFor();
  await page.keyboard.press('Escape');
  await openSheet();
  await page.getByTestId('keys-reset').click();
  await page.getByRole('button', { name: 'Layout: Alt 3 Change' }).waitFor();
});

scenario('B28 preferences go back by groups and come along', async ({ page, profile, stack }) => {
  await mode(page, 'form');
  await page.getByTestId('field-hld').fill('A draft that comes along.');
  const open = async (p) => {
    await p.getByRole('button', { name: /Preferences|Einstellungen/ }).first().click();
    await p.getByTestId('preferences').waitFor();
  };
  await open(page);
  await page.getByTestId('theme').getByRole('radio', { name: 'Dark' }).click();
  await page.getByTestId('pref-stage').selectOption('checker');
  await page.getByTestId('pref-sound').check();
  await page.getByRole('button', { name: 'Reset Work' }).click();
  assert.equal(await page.getByTestId('pref-sound').isChecked(), false);
  assert.equal(await page.getByTestId('pref-stage').inputValue(), 'checker', 'other groups stay');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('pref-export').click()]);
  const file = await download.path();

  const other = await (await profile.context.browser().newContext(VIEWPORTS.desktop)).newPage();
  other.setDefaultTimeout(15_000);
  await other.goto(stack.url);
  await mode(other, 'form');
  await other.getByTestId('field-hld').fill('Something that is replaced.');
  await open(other);
  const no = other.getByTestId('toast');
  await other.getByTestId('pref-import-input').setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from('{"a": 1}') });
  await no.filter({ hasText: 'no export' }).waitFor();
  await other.getByTestId('pref-import-input').setInputFiles(file);
  await other.getByTestId('confirm').getByRole('button', { name: 'Import' }).click();
  await eventually('the draft came along', async () => (await other.getByTestId('field-hld').inputValue()) === 'A draft that comes along.');
  assert.equal(await other.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await other.context().close();
});

scenario('C38 offline and hardened', { timeout: 300_000 }, async ({ profile, stack }) => {
  const markup = '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>';
  const job = await stack.draw({
    caption: { high_level_description: markup, compositional_deconstruction: { background: markup, elements: [{ type: 'text', text: markup, desc: markup }] } },
  });
  // Its own profile: requests that are looked at one by one are never taken from the cache.
  const context = await profile.context.browser().newContext(VIEWPORTS.desktop);
  context.setDefaultTimeout(15_000);
  const own = await context.newPage();
  const troubles = [];
  own.on('console', (m) => m.type() === 'error' && troubles.push(m.text()));
  own.on('pageerror', (e) => troubles.push(e.message));
  own.on('request', (r) => {
    const { origin, protocol } = new URL(r.url());
    if (protocol.startsWith('http') && origin !== stack.url) troubles.push(`asks ${r.url()}`);
  });
  await own.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective} ${e.sourceFile}:${e.lineNumber}`));
  });
  const session = await context.newCDPSession(own);
  await session.send('Network.enable');
  const answers = [];
  const cached = new Set();
  session.on('Network.requestServedFromCache', ({ requestId }) => cached.add(requestId));
  // The status on the wire: what was asked for again and had not changed comes without a body.
  session.on('Network.responseReceivedExtraInfo', ({ requestId, statusCode }) => statusCode === 304 && cached.add(requestId));
  session.on('Network.responseReceived', ({ requestId, response }) => answers.push({ requestId, ...response }));
  const routes = ['/', `/history/${job.prompt_id}`, '/library', `/library?image=${job.image_id}`, '/trash'];
  for (let visit = 1; visit <= 2; visit++) {
    for (const path of routes) {
      answers.length = 0;
      await own.goto(stack.url + path);
      await own.locator('main').waitFor();
      await own.waitForFunction(() => document.querySelector('main').textContent.length > 20);
      if (path === '/') {
        for (const name of ['quick', 'form', 'layout', 'json']) await mode(own, name);
        await own.getByTestId('json-editor').waitFor();
      }
      if (path.startsWith('/history')) {
        await mode(own, 'form');
        await eventually('the markup is text', async () => (await own.getByTestId('field-hld').inputValue()) === markup);
      }
      if (visit === 2) {
        const sent = answers.filter((a) => {
          const { pathname } = new URL(a.url);
          const isPage = a.mimeType === 'text/html' || pathname.startsWith('/api/');
          return !isPage && !a.fromDiskCache && !cached.has(a.requestId) && a.url.startsWith('http');
        });
        assert.deepEqual(sent.map((a) => a.url), []);
      }
    }
  }
  assert.equal(await own.evaluate(() => window.harmed), undefined);
  await own.goto(stack.url);
  await dropFile(own, own.locator('main'), { name: `${markup}.png`, type: 'image/png', bytes: bandsPng(64, { parameters: JSON.stringify({ high_level_description: markup, compositional_deconstruction: { background: 'x', elements: [] } }) }) });
  await own.getByTestId('import-sheet').waitFor();
  assert.equal(await own.evaluate(() => window.harmed), undefined);
  assert.deepEqual(troubles, []);
  await context.close();
  assert.ok(initialScript() <= 230_000, `${initialScript()} bytes`);
});
