/* Previews with one button each; only one of them plays. Without this file the browser's own player
   stands there. */
"use strict";

for (const player of document.querySelectorAll("[data-player]")) {
  const audio = player.querySelector("audio");
  const button = player.querySelector("button");
  const bar = player.querySelector("progress");
  const faces = player.querySelectorAll("[data-face]");

  const show = () => {
    for (const face of faces) face.hidden = (face.dataset.face === "play") !== audio.paused;
    bar.hidden = audio.paused;
  };

  button.addEventListener("click", () => {
    if (audio.paused) audio.play().catch(() => { audio.controls = true; audio.hidden = false; });
    else audio.pause();
  });
  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("[data-player] audio")) {
      if (other !== audio) other.pause();
    }
    show();
  });
  audio.addEventListener("pause", () => {
    audio.currentTime = 0;
    show();
  });
  audio.addEventListener("timeupdate", () => {
    if (audio.duration) bar.value = audio.currentTime / audio.duration;
  });

  audio.hidden = true;
  button.hidden = false;
}
