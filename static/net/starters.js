/** The starter scenes' files: label maps that come with the page. */

const FOLDER = "/static/starters/";

async function get(file) {
  const path = `${FOLDER}${file}`;
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} could not be loaded: ${response.status}`);
  return response;
}

/** What starters there are: {classes, scenes: [{file, title, seed}]}; `classes` are the names of the maps' classes. */
export const starters = async () => (await get("starters.json")).json();

/** The bytes of a scene's PNG. */
export const starterFile = async (file) => new Uint8Array(await (await get(file)).arrayBuffer());
