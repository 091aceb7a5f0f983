/* The first look of a page: its style, its layout and its picture, each in a task of its own. Left to
   itself the browser makes all three in one, and while that lasts a slow phone answers no finger. It
   does run each deferred script in a task of its own, and shows nothing before those that block
   rendering have run: so this one stands in the page twice. */
"use strict";

switch (document.currentScript.dataset.firstLook) {
  case "style":
    getComputedStyle(document.documentElement).color;
    break;
  case "layout":
    document.documentElement.offsetHeight;
}
