// Parses texts with the page's own parser. Arguments: its path, a JSON file of texts, and the longest that is read.
// Prints their trees as JSON, or (for texts that are only to be got through) the number of their blocks.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [module, file, longest] = process.argv.slice(2);
const { parse } = await import(pathToFileURL(module));
const read = (text) => (longest ? parse(text, Number(longest)).length : parse(text));
process.stdout.write(JSON.stringify(JSON.parse(readFileSync(file)).map(read)));
