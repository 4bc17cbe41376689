// The page that a mailed link opens sends its own form: a person sees nothing of it, and a
// mail scanner, which runs no script and presses nothing, spends nothing.
(() => {
  "use strict";
  document.getElementById("redeem").submit();
})();
