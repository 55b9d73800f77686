/** Live progress of an import: shows each line as it comes and the whole page anew at the end. */
const lines = document.querySelector('[data-events]');
if (lines) {
  const events = new EventSource(lines.dataset.events);
  events.addEventListener('lines', ({ data }) => {
    const texts = JSON.parse(data);
    const shown = [...lines.children];
    texts.forEach((text, index) => {
      const item = shown[index] ?? lines.appendChild(document.createElement('li'));
      if (item.textContent !== text) item.textContent = text;
    });
    for (const item of shown.slice(texts.length)) item.remove();
  });
  events.addEventListener('end', () => {
    events.close();
    location.reload();
  });
}
