/* Previews with one button each; only one of them plays. Without this file the browser's own player
   stands there. That player brings more style than our page has, so it is not even made here. */
"use strict";

let playing = null;

for (const player of document.querySelectorAll("[data-player]")) {
  const button = player.querySelector("button");
  const bar = player.querySelector("progress");
  const faces = player.querySelectorAll("[data-face]");
  let audio = null;

  const show = () => {
    for (const face of faces) face.hidden = (face.dataset.face === "play") !== audio.paused;
    bar.hidden = audio.paused;
  };

  const load = () => {
    audio = new Audio(player.dataset.player);
    audio.addEventListener("play", () => {
      if (playing !== audio) playing?.pause();
      playing = audio;
      show();
    });
    audio.addEventListener("pause", () => {
      audio.currentTime = 0;
      show();
    });
    audio.addEventListener("timeupdate", () => {
      if (audio.duration) bar.value = audio.currentTime / audio.duration;
    });
  };

  button.addEventListener("click", () => {
    if (!audio) load();
    if (!audio.paused) audio.pause();
    else audio.play().catch(() => { audio.controls = true; player.append(audio); });
  });
}
