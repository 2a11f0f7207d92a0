/**
 * How tools draw: what each of them does with the pointer's way over the label map.
 *
 * A gesture has `press(stroke, point)`, `drag(stroke, point)` or both; without a `press`, `drag` is called for the
 * press too. Each returns {dirty, picked, pending}: the rectangle to repaint, the class that was picked to paint with,
 * and what stays open when the pointer is let go; all three may be left out. A stroke is {map, history, settings,
 * start, last, touched, pending}; a point is {x, y, size, shift, reach} in map pixels, `reach` being the distance from
 * a handle that still counts as on it.
 */
import { unite } from "./geometry.js";
import { regionAt, stamp, without } from "./regions.js";

/** Nothing is left open between strokes: neither the corners of a polygon nor a region that was picked up. */
export const NOTHING_PENDING = Object.freeze({ corners: [], picked: null });

const LASSO_STEP = 0.5; // least distance between two points of an outline, in map pixels

/** A freehand line in the ink that `ink(stroke)` gives: a class, or a map whose pixels are taken. */
export const draws = (ink) => ({
  drag: (stroke, point) => ({
    dirty: stroke.map.stroke(stroke.last, point, stroke.settings.shape, ink(stroke)),
  }),
});

/** A shape between two corners, drawn anew with every move by a method of LabelMap. With Shift its sides are equal. */
export const spans = (draw) => ({
  drag: (stroke, point) => {
    const { map, history, start, touched, settings } = stroke;
    history.restore(touched);
    const end = point.shift ? squared(start, point) : point;
    return { dirty: unite(touched, map[draw](start.x, start.y, end.x, end.y, settings.value)) };
  },
});

function squared(from, { x, y }) {
  const side = Math.max(Math.abs(x - from.x), Math.abs(y - from.y));
  return { x: from.x + Math.sign(x - from.x) * side, y: from.y + Math.sign(y - from.y) * side };
}

/** The area that a freehand line goes round. */
export const lasso = {
  press: (stroke, point) => {
    stroke.outline = [point];
    return {};
  },
  drag: ({ map, history, touched, outline, settings }, point) => {
    if (distance(outline.at(-1), point) < LASSO_STEP) return {};
    outline.push(point);
    history.restore(touched);
    return { dirty: unite(touched, map.polygon(outline, settings.value)) };
  },
};

const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);

/** A polygon of one corner a press; a press on its first or last corner closes it. */
export const polygon = {
  press: ({ map, settings, pending }, point) => {
    const { corners } = pending;
    const closes = corners.length && [corners[0], corners.at(-1)].some((c) => distance(c, point) <= point.reach);
    if (!closes) return { pending: { ...NOTHING_PENDING, corners: [...corners, { x: point.x, y: point.y }] } };
    return corners.length < 3 ? {} : { dirty: map.polygon(corners, settings.value), pending: NOTHING_PENDING };
  },
};

/** The class under the point becomes another: its connected region, or every pixel of it. */
export const fill = {
  press: ({ map, settings }, point) => ({
    dirty: map.fill(point.x, point.y, settings.value, Boolean(point.shift || settings.everywhere)),
  }),
};

/** The class under the pointer is the one to paint with. */
export const pick = { drag: ({ map }, point) => ({ picked: map.at(point.x, point.y) }) };

/** A press picks a region up; a drag moves it, or one of its sides or corners. */
export const move = {
  press: (stroke, point) => {
    const { map, pending } = stroke;
    stroke.grip = pending.picked && gripAt(pending.picked.target, point);
    const region = stroke.grip ? null : regionAt(map, point.x, point.y);
    if (!stroke.grip && !region) return { pending: NOTHING_PENDING };
    const picked = stroke.grip ? pending.picked : { region, ground: null, target: region.rect };
    stroke.grip ??= { across: 0, down: 0 };
    stroke.from = picked.target;
    return { pending: { ...NOTHING_PENDING, picked } };
  },
  drag: ({ map, history, start, grip, from, pending }, point) => {
    const { picked } = pending;
    if (!picked) return {};
    const target = moved(from, grip, Math.round(point.x - start.x), Math.round(point.y - start.y), point.shift);
    const ground = picked.ground ?? without(map, picked.region, history.base);
    const dirty = map.clip(unite(picked.region.rect, unite(picked.target, target)));
    map.write(dirty, ground.read(dirty));
    stamp(map, picked.region, target);
    return { dirty, pending: { ...pending, picked: { ...picked, ground, target } } };
  },
};

/**
 * The sides of a box that are within reach of a point: −1 for left and top, 1 for right and bottom; null outside the
 * box.
 */
function gripAt({ x, y, w, h }, point) {
  const side = (place, start, length) => {
    const inside = Math.min(point.reach, length / 4); // the middle half moves the box, however small it is
    if (place < start - point.reach || place > start + length + point.reach) return null;
    if (place < start + inside) return -1;
    return place > start + length - inside ? 1 : 0;
  };
  const [across, down] = [side(point.x, x, w), side(point.y, y, h)];
  return across === null || down === null ? null : { across, down };
}

/** A box after a side, a corner or all of it was dragged by dx and dy pixels; `even` keeps its proportions. */
function moved(from, { across, down }, dx, dy, even) {
  if (!across && !down) return { ...from, x: from.x + dx, y: from.y + dy };
  let w = Math.max(1, from.w + across * dx);
  let h = Math.max(1, from.h + down * dy);
  if (even) {
    const scale = Math.max(across ? w / from.w : 0, down ? h / from.h : 0);
    [w, h] = [from.w, from.h].map((length) => Math.max(1, Math.round(length * scale)));
  }
  return { x: across < 0 ? from.x + from.w - w : from.x, y: down < 0 ? from.y + from.h - h : from.y, w, h };
}
