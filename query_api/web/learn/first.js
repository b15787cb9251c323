// Runs before anything is painted: light or dark as it was chosen. It must not know anything else of the page.

document.documentElement.dataset.theme = "system";
try {
  document.documentElement.dataset.theme = localStorage.getItem("mimo.theme") ?? "system";
} catch {
  // The browser keeps nothing for pages.
}
