/**
 * Keeps the parts of a page up to date: fetches the address in `data-live` and replaces every part (`data-part`, by id)
 * that has changed. A part in which somebody is (keyboard focus, selected text) is left alone. Faster while something
 * runs (`data-busy`).
 */
const live = document.querySelector('[data-live]');
if (live) {
  const pause = { idle: 5000, busy: 1000 };
  const next = () => setTimeout(update, live.querySelector('[data-busy]') ? pause.busy : pause.idle);
  const update = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(live.dataset.live, { headers: { accept: 'text/html' } });
        if (answer.redirected) return location.reload();
        if (answer.ok) replace(new DOMParser().parseFromString(await answer.text(), 'text/html'));
      } catch {
        // The console or the network is away for a moment; the page keeps what it last showed.
      }
    }
    next();
  };
  const replace = (fresh) => {
    for (const part of live.querySelectorAll('[data-part]')) {
      const now = fresh.getElementById(part.id);
      if (!now) continue;
      part.toggleAttribute('data-busy', now.hasAttribute('data-busy'));
      const selected = document.getSelection();
      const inUse =
        part.contains(document.activeElement) ||
        (selected?.type === 'Range' && selected.containsNode(part, true));
      if (!inUse && part.innerHTML !== now.innerHTML) part.innerHTML = now.innerHTML;
    }
  };
  next();
}
