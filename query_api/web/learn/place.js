// What every view is given: the client, who is signed in, the rooms, the present route, and how to say something.
// It must not know which views there are.

import { createContext, useContext } from "./html.js";

export const Place = createContext(null);

// { client, me (null: nobody is signed in), rooms, route, say(sentence, kind), changed(me), signOut(), settings }.
export const usePlace = () => useContext(Place);
