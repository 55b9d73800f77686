/** Copy buttons. Without JavaScript they stay hidden and the text can be selected. */
for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const source = document.getElementById(button.dataset.copy);
    if (!source) return;
    await navigator.clipboard.writeText('value' in source ? source.value : source.textContent.trim());
    const before = button.textContent;
    button.textContent = button.dataset.copied ?? before;
    setTimeout(() => {
      button.textContent = before;
    }, 2000);
  });
}
