/**
 * The workspaces, one row each, in the order of their tabs. Tabs, the phone's select, addresses (#mix) and dropped
 * files read these rows. What a workspace shows is marked in the templates, by data-in.
 *
 * name   its address, and data-space on the page
 * title  what its tab says
 * drop   what a picture that is dropped there becomes: "reference" or "photo"; otherwise it is opened by its content
 * plays  whether the space bar plays, instead of holding the view
 */
export const SPACES = [
  { name: "paint", title: "Paint" },
  { name: "mix", title: "Mix", drop: "reference" },
  { name: "manipulate", title: "Manipulate", drop: "photo" },
  { name: "morph", title: "Morph", plays: true },
];

/** The row of a workspace; undefined if there is none of that name. */
export const spaceNamed = (name) => SPACES.find((space) => space.name === name);
