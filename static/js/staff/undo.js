// After an act in place: ten seconds to take it back by the opposite act. Ctrl+Z does it too.
import { toast } from "../page.js";
import { t } from "../strings.js";

const SECONDS = 10;
let opposite = null;
let timer = 0;

export function undoable(words, back) {
  opposite = back;
  clearTimeout(timer);
  timer = setTimeout(() => { opposite = null; }, SECONDS * 1000);
  toast(words, back ? { action: t("Undo"), onaction: undo, seconds: SECONDS } : { seconds: SECONDS / 2 });
}

export function undo() {
  const back = opposite;
  opposite = null;
  document.querySelector(".toast")?.remove();
  if (back) back();
}

document.addEventListener("keydown", (event) => {
  if (event.code !== "KeyZ" || !(event.ctrlKey || event.metaKey) || !opposite) return;
  if (event.target instanceof Element && event.target.matches("input, textarea, select")) return;
  event.preventDefault();
  undo();
});
