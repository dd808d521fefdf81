// A training that goes on: when its log has grown, the page is loaded anew.
if (document.querySelector("[data-live]")) {
  let version = null;
  setInterval(async () => {
    try {
      const now = await (await fetch("version", { cache: "no-store" })).text();
      if (version !== null && now !== version) location.reload();
      version = now;
    } catch {
      // The server has stopped; the page stays as it is.
    }
  }, 3000);
}
