// A stand-in for Auth0's change-password widget (change-password-1.5.min.js), for the
// customised password page of this tenant: the same constructor, the same request.
//
// All texts of `dict` are put on the page as text. A line break (<br>), which Auth0's own
// default has, is the one piece of markup that is understood.
(() => {
  "use strict";
  const styles = new URL("change-password.css", document.currentScript.src);

  const OWN = {
    title: "Change Password",
    headerText: "Enter a new password for<br />{email}",
    passwordPlaceholder: "",
    passwordConfirmationPlaceholder: "",
    passwordConfirmationMatchError: "Please ensure the password and the confirmation are the same.",
    successMessage: "Your password has been reset successfully.",
    networkError: "The server cannot be reached, there is a problem with the network.",
    serverError: "There was an error processing the password reset.",
    weakPasswordError: "Password is too weak.",
  };
  const STRENGTH = {
    lengthAtLeast: "At least %d characters in length",
    shouldContain: "Should contain:",
    containsAtLeast: "Contain at least %d of the following %d types of characters:",
    lowerCase: "Lower case letters (a-z)",
    upperCase: "Upper case letters (A-Z)",
    numbers: "Numbers (such as 0-9)",
    specialCharacters: "Special characters (such as !@#$%^&*)",
    identicalChars: 'No more than %d identical characters in a row (e.g., "%s" not allowed)',
  };

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  function lines(text) {
    const parts = text.split(/<br\s*\/?>/i);
    return parts.flatMap((part, index) => (index ? [element("br"), part] : [part]));
  }

  // White or black, whichever can be read on the colour (WCAG 2, relative luminance).
  function readableOn(colour) {
    const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
    if (!hex) return "#ffffff";
    const [red, green, blue] = hex.slice(1).map((pair) => {
      const share = parseInt(pair, 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000000" : "#ffffff";
  }

  function field(id, label, placeholder, describedBy) {
    const input = element("input", { id, placeholder, type: "password", autocomplete: "new-password", required: true });
    if (describedBy) input.setAttribute("aria-describedby", describedBy);
    return [element("label", { htmlFor: id }, label), input];
  }

  function policy(texts, options) {
    const rules = [[texts.lengthAtLeast.replace("%d", (options.password_complexity_options || {}).min_length || 8)]];
    const kinds = ["lowerCase", "upperCase", "numbers"];
    if (options.password_policy === "fair") rules.push([texts.shouldContain, kinds]);
    if (["good", "excellent"].includes(options.password_policy)) {
      rules.push([texts.containsAtLeast.replace("%d", "3").replace("%d", "4"), [...kinds, "specialCharacters"]]);
    }
    if (options.password_policy === "excellent") rules.push([texts.identicalChars.replace("%d", "2").replace("%s", "aaa")]);
    const list = (each) => element("ul", {}, ...each.map((kind) => element("li", {}, texts[kind])));
    return element("ul", { id: "cp-policy", className: "cp-policy" },
      ...rules.map(([text, items]) => element("li", {}, text, ...(items ? [list(items)] : []))));
  }

  window.Auth0ChangePassword = function Auth0ChangePassword(options) {
    const dict = { ...OWN, ...options.dict };
    const strength = { ...STRENGTH, ...(options.dict || {}).passwordStrength };
    const theme = options.theme || {};
    const container = typeof options.container === "string"
      ? document.getElementById(options.container.replace(/^#/, "")) : options.container;
    document.head.append(element("link", { rel: "stylesheet", href: styles.href }));

    const invited = new URLSearchParams(location.hash.slice(1)).get("type") === "invite";
    const button = element("button", { type: "submit" }, dict.buttonText || (invited ? "Set password" : "Reset password"));
    if (theme.primaryColor) {
      button.style.background = theme.primaryColor;
      button.style.color = readableOn(theme.primaryColor);
    }
    const complaint = element("p", { className: "cp-error", id: "cp-error", hidden: true });
    complaint.setAttribute("role", "alert");
    const username = element("input", { type: "email", value: options.email, autocomplete: "username", readOnly: true, tabIndex: -1, className: "cp-username" });
    username.setAttribute("aria-hidden", "true");
    const [label, password] = field("cp-password", "New password", dict.passwordPlaceholder, "cp-policy");
    const [labelAgain, again] = field("cp-confirmation", "Re-enter new password", dict.passwordConfirmationPlaceholder, "");
    const form = element("form", { className: "cp-form" },
      username, label, password, labelAgain, again, policy(strength, options), button);

    // The page's own heading stays its first one.
    const heading = element(document.querySelector("h1") ? "h2" : "h1", { className: "cp-title" }, dict.title);
    const about = element("p", { className: "cp-header" }, ...lines(dict.headerText.replaceAll("{email}", options.email)));
    const box = element("div", { className: "cp-widget" }, heading, about, complaint, form);
    if (theme.icon) box.prepend(element("img", { className: "cp-icon", src: theme.icon, alt: "", onerror() { this.remove(); } }));
    container.replaceChildren(box);

    function complain(text, input) {
      complaint.textContent = text;
      complaint.hidden = false;
      for (const each of [password, again]) each.removeAttribute("aria-invalid");
      if (!input) return;
      input.setAttribute("aria-invalid", "true");
      input.focus();
    }

    function missing(answer) {
      const rules = ((answer.description || {}).rules || []).filter((rule) => !rule.verified);
      const told = rules.map((rule) => (strength[rule.code] || rule.message).replace("%d", rule.format[0]).replace("%d", rule.format[1]).replace(/:$/, ""));
      return `${dict.weakPasswordError} ${told.join("; ")}`.trim();
    }

    async function send() {
      const fields = { _csrf: options.csrf_token, ticket: options.ticket, email: options.email, newPassword: password.value, confirmNewPassword: again.value };
      const response = await fetch("/lo/reset", { method: "POST", headers: { Accept: "application/json" }, body: new URLSearchParams(fields) });
      const answer = await response.json();
      if (answer.result_url) {
        location.replace(answer.result_url);
        return;
      }
      if (response.ok) {
        const said = element("p", { className: "cp-header" }, dict.successMessage);
        said.setAttribute("role", "status");
        box.replaceChildren(heading, said);
      } else if (answer.code === "invalid_password") complain(missing(answer), password);
      else complain(response.status === 400 ? answer.message : dict.serverError);
      button.disabled = false;
    }

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (password.value !== again.value) {
        complain(dict.passwordConfirmationMatchError, again);
        return;
      }
      button.disabled = true;
      try {
        await send();
      } catch {
        complain(dict.networkError);
        button.disabled = false;
      }
    });
    password.focus();
  };
})();
