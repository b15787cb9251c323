// How the page is written down: HTML in template strings, without a build step. It must not know what is shown.

import { h } from "/web/vendor/preact.js";
import htm from "/web/vendor/htm.js";

export { createContext, Fragment, render } from "/web/vendor/preact.js";
export {
  useCallback,
  useContext,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "/web/vendor/preact-hooks.js";
export const html = htm.bind(h);
