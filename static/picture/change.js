/** What a new look did to the picture: where, and how much of it outside of the classes that were meant to change. */
import { heatMap, measureChange } from "./heat.js";
import { pixelsOf } from "./pictures.js";

/**
 * {classes, share, inside, outside, heat, width, height} between two pictures of the same label map. Shares that the server
 * has measured are taken over.
 */
export function changeBetween(before, after, classes) {
  const { width, height } = after.map;
  const [old, now] = [before, after].map(({ bitmap }) => pixelsOf(bitmap, width, height));
  const measured = after.change
    ? { share: after.change.share_inside, inside: after.change.inside, outside: after.change.outside }
    : measureChange(old, now, after.map, classes);
  return { classes, width, height, heat: heatMap(old, now, after.map, classes), ...measured };
}
