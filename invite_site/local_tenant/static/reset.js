// The words of the password page, and its form sent in the background.
//
// An invitation says so in the fragment: #type=invite&app=<name>. The fragment never
// reaches the server, so this script alone can tell. The name comes from the address
// and is therefore put on the page as text and nothing else.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const fragment = new URLSearchParams(location.hash.slice(1));
  const form = byId("reset");
  const error = byId("error");
  const fields = { newPassword: byId("new-password"), confirmNewPassword: byId("confirm-password") };

  if (fragment.get("type") === "invite") {
    const app = (fragment.get("app") || "").trim().slice(0, 80);
    byId("heading").textContent = app ? `Welcome to ${app}` : "Welcome";
    byId("intro").textContent = "You have been invited. Choose a password for";
    byId("outro").textContent = ", then log in with it.";
    byId("submit").textContent = "Set password";
    document.title = document.title.replace("Reset password", app ? `Set your password for ${app}` : "Set your password");
  }

  const title = document.title;

  function complain(text, field) {
    error.textContent = text;
    error.hidden = false;
    document.title = `Error: ${title.replace(/^Error: /, "")}`;
    for (const each of Object.values(fields)) each.removeAttribute("aria-invalid");
    if (field) {
      field.setAttribute("aria-invalid", "true");
      field.focus();
    }
  }

  function tooWeak(answer) {
    const wanted = [];
    for (const rule of (answer.description && answer.description.rules) || []) {
      if (rule.verified) continue;
      if (rule.code === "lengthAtLeast") wanted.push(`at least ${rule.format[0]} characters`);
      else wanted.push("at least three of: lower case letters, upper case letters, numbers, special characters");
    }
    return wanted.length ? `${answer.message}. It needs ${wanted.join(" and ")}.` : `${answer.message}.`;
  }

  function finish(text) {
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    said.textContent = text;
    error.hidden = true;
    form.replaceWith(said);
  }

  async function send() {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(new FormData(form)),
    });
    const answer = await response.json();
    if (answer.result_url) location.replace(answer.result_url);
    else if (response.ok) finish(answer.message);
    else if (answer.name === "CsrfInvalidTokenError") complain("This page was open for too long. Open the link in your mail again.");
    else if (answer.code === "invalid_password") complain(tooWeak(answer), fields.newPassword);
    else complain(answer.message);
    return Boolean(answer.result_url);
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (fields.newPassword.value !== fields.confirmNewPassword.value) {
      complain("The two passwords are not the same.", fields.confirmNewPassword);
      return;
    }
    const button = byId("submit");
    button.disabled = true;
    try {
      if (await send()) return;
    } catch {
      complain("The tenant did not answer. Try again.");
    }
    button.disabled = false;
  });
})();
