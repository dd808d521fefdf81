// A training that goes on: when its log has grown, the page's contents are taken from a fresh one.
if (document.querySelector("[data-live]")) {
  const top = byId("top");
  let version = null;
  setInterval(async () => {
    try {
      const now = await (await fetch("version", { cache: "no-store" })).text();
      if (version !== null && now !== version) {
        const fresh = await (await fetch("./", { cache: "no-store" })).text();
        renew(top, new DOMParser().parseFromString(fresh, "text/html").getElementById("top").childNodes);
      }
      version = now;
    } catch {
      // The server has stopped; the page stays as it is.
    }
  }, 3000);
}
