"use strict";
// The page works on what is in it alone; without scripts the first of each choice is shown.
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// One of several parts is shown: the one whose number is the value of a slider or a list.
for (const control of all("[data-shows]")) {
  const parts = all(`#${control.dataset.shows} > [data-part]`);
  const pictures = all(`#${control.dataset.shows} [data-picture]`);
  const show = () => {
    let wanted;
    for (const part of parts) {
      part.hidden = part.dataset.part !== control.value;
      if (!part.hidden) wanted = part.dataset.uses;
    }
    for (const picture of pictures) picture.hidden = picture.dataset.picture !== wanted;
  };
  control.addEventListener("input", show);
  show();
}

// A run that is not wanted hides its curves and its parts.
for (const box of all("input[data-run]")) {
  const show = () => {
    document.body.classList.toggle(`without-${box.dataset.run}`, !box.checked);
    for (const part of all(`[data-of-run="${box.dataset.run}"]`)) part.hidden = !box.checked;
  };
  box.addEventListener("change", show);
  show();
}

// A picture as a file.
for (const link of all("a[data-svg]")) {
  link.addEventListener("click", () => {
    const shown = all("svg", link.closest("figure")).find((svg) => !svg.closest("[hidden]"));
    if (shown) link.href = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(shown.outerHTML);
  });
}
