// Shows how far work is: puts the newest state of the page into its place until the work has ended.
const EVERY = 1000;
const REACHABLE = "a, button, [tabindex]";

async function renew() {
  const here = document.querySelector("main");
  try {
    const answer = await fetch(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.querySelector("main");
    if (answer.ok && next && here.innerHTML !== next.innerHTML) {
      const focused = [...here.querySelectorAll(REACHABLE)].indexOf(document.activeElement);
      here.replaceChildren(...next.childNodes);
      here.toggleAttribute("data-live", next.hasAttribute("data-live"));
      here.querySelectorAll(REACHABLE)[focused]?.focus();
    }
  } catch {
    // The server has ended, or is being started anew; the work goes on.
  }
  if (here.hasAttribute("data-live")) setTimeout(renew, EVERY);
}

if (document.querySelector("main[data-live]")) setTimeout(renew, EVERY);
