// Changing the page in place: only what differs is touched, so nothing jumps and focus stays.

export const part = (name, within = document) => within.querySelector(`[data-part="${name}"]`);
export const parts = (name, within = document) => [...within.querySelectorAll(`[data-part="${name}"]`)];

export function show(node, yes) {
  if (node && node.hidden === Boolean(yes)) node.hidden = !yes;
}

/** null and false take the attribute away. */
export function set(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** A copy of `<template data-template="name">`. */
export function stamp(name) {
  return document.querySelector(`template[data-template="${name}"]`).content.firstElementChild.cloneNode(true);
}

/** One child per thing, in order; a child lives as long as its key. */
export function rows(container, things, keyOf, make, fill = () => {}) {
  for (const skeleton of container.querySelectorAll(":scope > :not([data-key])")) skeleton.remove();
  const old = new Map([...container.children].map((child) => [child.dataset.key, child]));
  let place = container.firstElementChild;
  for (const thing of things) {
    const key = String(keyOf(thing));
    const child = old.get(key) || make(thing);
    child.dataset.key = key;
    old.delete(key);
    if (child === place) place = place.nextElementSibling;
    else container.insertBefore(child, place);
    fill(child, thing);
  }
  for (const gone of old.values()) gone.remove();
}

export function svg(name, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
