// Elements are built from text and attributes, never from markup: whatever a name contains, it stays text.

export const byId = (id) => document.getElementById(id)

/** Creates an element. Strings become text; null, undefined and false children are left out. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value)
    else element.setAttribute(key, value === true ? '' : value)
  }
  element.append(...children.filter((child) => child !== undefined && child !== null && child !== false))
  return element
}

/** A name that came from outside: its writing direction is its own, and ends with it. */
export const named = (text) => el('bdi', { title: text }, text)

/** Names in menus, which no style can cut. */
export const brief = (text) => (text.length > 60 ? `${text.slice(0, 59)}…` : text)

export const show = (element, visible) => {
  element.hidden = !visible
}

/** Replaces what an element holds; whoever was on one of its buttons by keyboard stays there. */
export function refill(element, children) {
  const buttons = () => [...element.querySelectorAll('button')]
  const focused = buttons().indexOf(document.activeElement)
  element.replaceChildren(...children)
  buttons()[focused]?.focus({ preventScroll: true })
}

/** Fills a select, keeping its choice where it still exists; else the first that is preferred. */
export function fillSelect(select, names, preferred) {
  const chosen = [...preferred, names[0]].find((name) => names.includes(name))
  const shown = [...select.options].map((option) => option.value)
  if (shown.length !== names.length || shown.some((value, i) => value !== names[i]))
    select.replaceChildren(...names.map((name) => el('option', { value: name }, brief(name))))
  if (chosen !== undefined) select.value = chosen
  return chosen
}
