// Shows new messages by themselves; the reload link does the same without this script.
(() => {
  const list = document.querySelector(".messages");
  const show = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.pathname, { credentials: "omit" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector(".messages");
      if (!fresh || fresh.dataset.newest === list.dataset.newest) return;
      list.replaceChildren(...fresh.children);
      list.dataset.newest = fresh.dataset.newest;
    } catch {
      // The next turn tries again.
    }
  };
  setInterval(show, 2000);
})();
