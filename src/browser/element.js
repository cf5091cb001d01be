// Finds an element as a person would, in open shadow roots and in frames of the same origin as well, and says when, where it
// can be clicked, or why not. `wanted` is `there`, `click` or `focus`.
((selector, wanted, patience) => {
  const deep = (root) => {
    const own = root.querySelector(selector);
    if (own) return own;
    for (const node of root.querySelectorAll('*')) {
      let inner = node.shadowRoot;
      if (node.nodeName === 'IFRAME' || node.nodeName === 'FRAME') try { inner = node.contentDocument; } catch { /* of others */ }
      const found = inner && deep(inner);
      if (found) return found;
    }
    return null;
  };
  const name = (e) => e.nodeName.toLowerCase() + (e.id ? '#' + e.id : typeof e.className === 'string' && e.className ? '.' + e.className.trim().split(/\s+/)[0] : '');
  // Where the middle of an element is in the window, or what a click there would hit in its place.
  const place = (e) => {
    e.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    // Its first line, where it has several.
    const [box] = e.getClientRects();
    if (!box || !box.width || !box.height) return { why: 'hidden' };
    let [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const top = e.getRootNode().elementFromPoint(x, y);
    if (!top) return { why: 'outside' };
    if (top !== e && !e.contains(top) && top.closest('label')?.control !== e) return { why: 'covered', by: name(top).slice(0, 80) };
    if (e.matches(':disabled')) return { why: 'disabled' };
    for (let w = e.ownerDocument.defaultView; w !== window; w = w.parent) {
      const frame = w.frameElement.getBoundingClientRect();
      [x, y] = [x + frame.x + w.frameElement.clientLeft, y + frame.y + w.frameElement.clientTop];
    }
    return { x, y };
  };
  const look = (e) => {
    if (!e) return { why: 'missing' };
    if (wanted === 'click') return place(e);
    if (wanted === 'focus') {
      e.focus();
      return e.getRootNode().activeElement === e ? {} : { why: 'unfit' };
    }
    return {};
  };
  return new Promise((resolve) => {
    const end = performance.now() + patience;
    let next = 0;
    const again = () => {
      const now = performance.now();
      let element = document.querySelector(selector);
      // Looking everywhere takes its time, which is the page's.
      if (!element && now >= next) { element = deep(document); next = performance.now() + 250; }
      const found = look(element);
      if (!found.why || now >= end) resolve({ ...found, at: performance.now() }); else setTimeout(again, 16);
    };
    again();
  });
})
