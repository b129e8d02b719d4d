/**
 * What other packages' widgets may write into a report's page: HTML that shows, not HTML that
 * leads away.
 *
 * The page's policy forbids frames, forms, bases and all loading, but there is none against
 * `<meta http-equiv=refresh>`, nor against links that look up a host's name.
 */

const FORBIDDEN = "meta, base, link, iframe, frame, frameset, object, embed, form, portal";
const SUSPECT = new RegExp(`<(${FORBIDDEN.replaceAll(", ", "|")})`, "i");
/** What is parsed may be something else once it has been written and is parsed again. */
const ROUNDS = 5;

const inner = Object.getOwnPropertyDescriptor(Element.prototype, "innerHTML");
const setInner = inner?.set as (this: Element, html: string) => void;

/** Take out what leads away; a form's contents stay. Whether there was any. */
function clean(root: ParentNode): boolean {
  const found = [...root.querySelectorAll(FORBIDDEN)];
  for (const one of found) {
    if (one.localName === "form") one.replaceWith(...one.childNodes);
    else one.remove();
  }
  return found.length > 0;
}

/** HTML in which nothing leads away when it is parsed inside of an element. */
export function harmless(html: string, context: Element): string {
  let safe = html;
  for (let round = 0; round < ROUNDS; round++) {
    if (!SUSPECT.test(safe)) return safe;
    // In a document that is never shown nothing is followed or loaded.
    const apart = document.implementation.createHTMLDocument("").importNode(context, false);
    setInner.call(apart, safe);
    if (!clean(apart)) return safe;
    safe = apart.innerHTML;
  }
  return "";
}

let guarded = false;

/**
 * Have all HTML that becomes elements in this page pass `harmless`: figures change while they are
 * used, and a refresh can't be called back once its element is in the page.
 */
export function guard(): void {
  if (guarded) return;
  guarded = true;
  const { prototype } = Element;
  Object.defineProperty(prototype, "innerHTML", {
    ...inner,
    set(this: Element, html: string | null) {
      setInner.call(this, harmless(html === null ? "" : String(html), this));
    },
  });
  const outer = Object.getOwnPropertyDescriptor(prototype, "outerHTML");
  Object.defineProperty(prototype, "outerHTML", {
    ...outer,
    set(this: Element, html: string | null) {
      const text = html === null ? "" : String(html);
      outer?.set?.call(this, harmless(text, this.parentElement ?? this));
    },
  });
  const insert = prototype.insertAdjacentHTML;
  prototype.insertAdjacentHTML = function (where, html) {
    const beside = /^(beforebegin|afterend)$/i.test(where);
    insert.call(this, where, harmless(String(html), (beside && this.parentElement) || this));
  };
  const fragment = Range.prototype.createContextualFragment;
  Range.prototype.createContextualFragment = function (html) {
    const found = fragment.call(this, html);
    clean(found);
    return found;
  };
  const parse = DOMParser.prototype.parseFromString;
  DOMParser.prototype.parseFromString = function (text, type) {
    const found = parse.call(this, text, type);
    clean(found);
    return found;
  };
}
