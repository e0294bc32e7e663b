// Keys without a mouse. Physical keys (`code`), so that they work while a Chinese input method is on.

const WRITES = "input:not([type=radio]):not([type=checkbox]), textarea, select";

export const writing = (event) => event.target instanceof Element && event.target.matches(WRITES);

/** `acts`: {code: act}. An act gets the event; nothing happens while somebody writes or holds a modifier. */
export function onKeys(acts, { unless = () => false } = {}) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    const act = acts[event.code];
    if (!act || writing(event) || unless(event)) return;
    if (act(event) === false) return;
    event.preventDefault();
  });
}
