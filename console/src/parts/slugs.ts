// Where the page of a model is.

/** The way to a model's page, from its slug. */
export function linkTo(model: string) {
  const [author = "", slug = ""] = model.split("/");
  return { to: "/models/$author/$slug" as const, params: { author, slug } };
}
