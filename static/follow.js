// A part of a page that comes anew may lack what had the focus, such as the row of an invitation that left the
// list. The focus goes to what stood nearest then; else it would be nowhere, and the next Tab below the page.
{
  const focusable = "a[href], button, input:not([type=hidden]), select, summary";
  let nearest = [];

  document.addEventListener("htmx:before:swap", () => {
    const focused = document.activeElement;
    const all = [...(focused?.closest("[hx-get]")?.querySelectorAll(focusable) ?? [])];
    const at = all.indexOf(focused);
    const distance = (each) => Math.abs(all.indexOf(each) - at);
    nearest = at < 0 ? [] : [...all].sort((one, other) => distance(one) - distance(other));
  });

  document.addEventListener("htmx:after:swap", () => {
    if (document.activeElement === document.body) {
      nearest.find((each) => each.isConnected && each.checkVisibility())?.focus();
    }
    nearest = [];
  });
}
