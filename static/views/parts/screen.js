/** The size of the screen, and where fly-outs go on it. */

/** Whether the screen is a phone's; `matches` says it, "change" events tell when it becomes another. */
export const phone = matchMedia("(width < 600px)");

/** Put a fly-out beside the button that opens it, or over it on a phone, which has its tools at the bottom. */
export function placeBeside(popover, button) {
  const { top, right, left } = button.getBoundingClientRect();
  const below = innerHeight - top;
  const place = phone.matches
    ? { left: "8px", right: "8px", top: "auto", bottom: `${below + 8}px` }
    : top > innerHeight / 2
      ? { left: `${left}px`, right: "auto", top: "auto", bottom: `${below + 4}px` }
      : { left: `${right + 8}px`, right: "auto", top: `${top}px`, bottom: "auto" };
  Object.assign(popover.style, place);
}
