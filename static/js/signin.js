// Sign in, then on to the page that was asked for or the account's own one.
import { api, Problem } from "./api.js";
import { banner, facts, runClock } from "./page.js";
import { t } from "./strings.js";
import { part, show } from "./staff/dom.js";

const form = part("form");
const submit = part("submit");
const homes = JSON.parse(facts.homes);
const REACHES = { agent: ["/console"], desk: ["/desk"] }; // managers and admins reach every page

const reaches = (role, path) => !REACHES[role] || REACHES[role].some((page) => path.startsWith(page)) || path.startsWith("/board");

function refuse(title, words) {
  part("refusal").replaceChildren(banner("bad", "warn", title, words));
}

function missing() {
  const empty = [form.login, form.password].filter((field) => !field.value.trim());
  for (const field of [form.login, form.password]) field.toggleAttribute("aria-invalid", false);
  for (const field of empty) field.setAttribute("aria-invalid", "true");
  empty[0]?.focus();
  return empty.length > 0;
}

async function signIn() {
  const { data } = await api("POST", "/session", { body: { login: form.login.value.trim(), password: form.password.value } });
  location.assign(facts.next && reaches(data.role, facts.next) ? facts.next : homes[data.role]);
}

function explain(error) {
  if (!(error instanceof Problem)) refuse(t("The server does not answer"), t("Check the network cable, or try again in a moment."));
  else if (error.code === "bad_credentials") refuse(t("Account or password is wrong"), t("Check Caps Lock and the input method, then try again."));
  else refuse(t("You can not sign in now"), error.detail);
  form.password.select();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (submit.getAttribute("aria-busy")) return;
  if (missing()) {
    refuse(t("Account and password are both needed"), "");
    return;
  }
  submit.setAttribute("aria-busy", "true");
  try {
    await signIn();
  } catch (error) {
    submit.removeAttribute("aria-busy");
    explain(error);
  }
});

form.password.addEventListener("keyup", (event) => show(part("caps"), event.getModifierState?.("CapsLock")));
runClock();
