/**
 * What each tool does with a pointer's way over the label map.
 *
 * A tool has `press(stroke, point)` or `drag(stroke, point)` or both; `drag` alone counts for the press too. They return
 * {dirty, picked, pending}: the rectangle to repaint, the class under an eyedropper, and what the tool leaves open when the
 * pointer is let go. A stroke is {map, history, settings, start, last, touched, pending}; a point {x, y, size, shift, reach}
 * lies in map pixels, `reach` being how far from a handle counts as on it.
 */
import { unite } from "./geometry.js";
import { regionAt, stamp, without } from "./regions.js";

/** What tools leave open between strokes: the corners of a polygon, a region that was picked up. Never changed in place. */
export const NOTHING_PENDING = Object.freeze({ corners: [], picked: null });

const LASSO_STEP = 0.5; // map pixels between two points of an outline

/** A freehand line of whatever `ink` says lies under it. */
const draws = (ink) => ({
  continues: true, // with Shift from where the last stroke ended
  drag: (stroke, point) => ({
    dirty: stroke.map.stroke(stroke.last, point, stroke.settings.shape, ink(stroke)),
  }),
});

/** A shape between two corners, drawn anew with every move. With Shift its sides are equal. */
const spans = (draw) => ({
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

const lasso = {
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

/** One corner a press; on the first or the last corner again it is closed. */
const polygon = {
  press: ({ map, settings, pending }, point) => {
    const { corners } = pending;
    const closes = corners.length && [corners[0], corners.at(-1)].some((c) => distance(c, point) <= point.reach);
    if (!closes) return { pending: { ...NOTHING_PENDING, corners: [...corners, { x: point.x, y: point.y }] } };
    return corners.length < 3 ? {} : { dirty: map.polygon(corners, settings.value), pending: NOTHING_PENDING };
  },
};

/** Picks a region up where it is pressed; drags it, or one of its sides or corners. */
const move = {
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

/** The sides of a box within reach of a point, -1 for left and top, 1 for right and bottom; null outside of it. */
function gripAt({ x, y, w, h }, point) {
  const side = (place, start, length) => {
    const inside = Math.min(point.reach, length / 4); // a small box can still be moved
    if (place < start - point.reach || place > start + length + point.reach) return null;
    if (place < start + inside) return -1;
    return place > start + length - inside ? 1 : 0;
  };
  const [across, down] = [side(point.x, x, w), side(point.y, y, h)];
  return across === null || down === null ? null : { across, down };
}

/** A box after a side, a corner or all of it was dragged; `even` keeps its proportions. */
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

export const TOOLS = {
  brush: draws(({ settings }) => settings.value),
  erase: draws(({ history }) => history.base),
  fill: {
    press: ({ map, settings }, point) => ({
      dirty: map.fill(point.x, point.y, settings.value, Boolean(point.shift || settings.everywhere)),
    }),
  },
  rectangle: spans("rectangle"),
  ellipse: spans("ellipse"),
  polygon,
  lasso,
  pick: {
    drag: ({ map }, point) => ({ picked: map.at(point.x, point.y) }),
  },
  move,
};

export const TOOL_NAMES = Object.keys(TOOLS);

export const BRUSH_SIZES = { min: 1, max: 128 };
