// Makes the frame of a mail as high as the mail. Without script it has a fixed height and scrolls.
(() => {
  "use strict";
  const frame = document.querySelector("iframe.mail");
  if (!frame) return;
  const fit = () => {
    const page = frame.contentDocument;
    if (!page || page.URL === "about:blank" || page.readyState !== "complete") return;
    frame.style.height = "0";
    frame.style.height = `${page.documentElement.scrollHeight + 2}px`;
  };
  frame.addEventListener("load", fit);
  window.addEventListener("resize", fit);
  fit();
})();
