// The browser's half of page.py.
function render({ el }) {
  el.style.display = "none";
  const name = (root) => {
    for (const slider of root.querySelectorAll(".widget-slider")) {
      const handle = slider.querySelector(".noUi-handle");
      const wanted = {
        "aria-label": slider.querySelector(".widget-label")?.textContent,
        "aria-valuetext": slider.querySelector(".widget-readout")?.textContent,
      };
      for (const [attribute, text] of Object.entries(wanted)) {
        if (handle && text && handle.getAttribute(attribute) !== text) handle.setAttribute(attribute, text);
      }
    }
  };
  let watch = null, width = 0;
  const sized = new ResizeObserver(([entry]) => { // plots listen to the window alone
    if (Math.abs(entry.contentRect.width - width) < 1) return;
    width = entry.contentRect.width;
    requestAnimationFrame(() => window.dispatchEvent(new Event("resize")));
  });
  requestAnimationFrame(function begin() { // the explorer is put into the page after this
    const root = el.closest(".mmaml-explorer");
    if (!root) return el.isConnected ? undefined : requestAnimationFrame(begin);
    name(root);
    sized.observe(root);
    watch = new MutationObserver(() => name(root));
    for (const slider of root.querySelectorAll(".widget-slider")) {
      watch.observe(slider, { subtree: true, childList: true, characterData: true, attributeFilter: ["aria-valuetext"] });
    }
  });
  return () => { watch?.disconnect(); sized.disconnect(); };
}

export default { render };
