// What can be measured of whether everybody can use a page; run in it by accessible.py.
() => {
  const faults = [];
  const seen = (element) => element.checkVisibility({visibilityProperty: true});
  const shown = (element) => element.outerHTML.slice(0, 90);
  if (!document.documentElement.lang) faults.push('the page has no language');
  if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
  for (const each of document.querySelectorAll('a, button, input:not([type=hidden]), select')) {
    if (!seen(each)) continue;
    const named = each.ariaLabel || each.labels?.[0]?.textContent || each.textContent.trim()
      || each.querySelector('img')?.alt || each.getAttribute('aria-labelledby');
    if (!named) faults.push(`no name: ${shown(each)}`);
    if (each.tabIndex > 0) faults.push(`an order of its own: ${shown(each)}`);
  }
  for (const each of document.images) {
    if (!each.hasAttribute('alt')) faults.push(`no alt: ${shown(each)}`);
    if (seen(each) && each.complete && !each.naturalWidth) faults.push(`not drawn: ${shown(each)}`);
  }

  // https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const pixel = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !seen(element) || element.closest(':disabled')) continue;
    const behind = [];
    for (let at = element; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
    const style = getComputedStyle(element);
    const ground = pixel(['Canvas', ...behind]);
    const text = pixel(['Canvas', ...behind, style.color]);
    const [high, low] = [light(ground), light(text)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) faults.push(`contrast ${ratio.toFixed(2)}: ${shown(element)}`);
  }
  const {scrollWidth, clientWidth} = document.documentElement;
  if (scrollWidth > clientWidth) faults.push(`wider than the window: ${scrollWidth} > ${clientWidth}`);
  return faults;
}
