/** The terms of a model's weights, in words. */

/** For a model's report, or its row in the list of models. */
export const licenceOf = ({ licence, source }) =>
  `Licence: ${licence ?? "not stated"}${source ? `. Learned from ${source}` : ""}`;
