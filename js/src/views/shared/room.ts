/** Below the first line: who leads the class, and whether this view follows. */

import { announce } from "../../lib/page/a11y";
import { h } from "../../lib/page/dom";
import { count } from "../../lib/page/format";
import type { InRoom } from "../../lib/wire/protocol";
import type { Source } from "../../lib/wire/source";
import type { OptionStore, Room } from "./view";

type RoomAct = InRoom["op"];

type Button = readonly [act: RoomAct, text: string];
interface Says {
  text: string;
  /** What changes often, and needn't be read aloud each time. */
  aside?: string;
  buttons: readonly Button[];
}

/** What students type. */
const followCode = (room: string) => `explorer.follow("${room}")`;

const CLOSE: Button = ["leave", "Close"];
const UNREACHABLE =
  "The classroom's server can't be reached. It goes on by itself once it is there.";

function leads({ room, state, text, followers = 0, wander = 0 }: Room): Says {
  const stop: Button = ["leave", "Stop leading"];
  switch (state) {
    case "taken":
      return {
        text: `${room} is led from elsewhere now, with the same secret: you lead no longer.`,
        buttons: [["return", "Lead again"], CLOSE],
      };
    case "ended":
      return {
        text: `You lead ${room} no longer. ${text}`,
        buttons: [["return", "Lead again"], CLOSE],
      };
    case "unreachable":
      return { text: `You lead ${room}. ${UNREACHABLE}`, buttons: [stop] };
    case "joining":
      return { text: `Opening ${room} …`, buttons: [stop] };
    default: {
      const around =
        wander > 0 ? `, ${wander} of them ${wander > 1 ? "look" : "looks"} around` : "";
      const many = followers === 1 ? "1 follows" : `${followers || "nobody"} follow`;
      const aside = followers ? `${many}${around}` : "nobody follows yet";
      return { text: `You lead the class. ${text}`.trim(), aside, buttons: [stop] };
    }
  }
}

function follows({ room, state, text, wanders, own_photo }: Room): Says {
  const stop: Button = ["leave", "Stop following"];
  const around: Button = ["wander", "Look around yourself"];
  const back: Button = ["return", "Back to the teacher"];
  switch (state) {
    case "ended":
      return {
        text: `The teacher has left ${room}: you look around yourself. ${text}`.trim(),
        buttons: [["return", "Follow again"], CLOSE],
      };
    case "replaced":
      return {
        text: "Another Explorer of this notebook follows the teacher now.",
        buttons: [["return", "Follow here"], CLOSE],
      };
    case "another network":
      return {
        text: "The teacher looks at another network than you, so that nothing of it is shown here.",
        buttons: [stop],
      };
    case "refused":
      return { text: `What the teacher looks at can't be shown here: ${text}`, buttons: [stop] };
    case "joining":
      return { text: `Asking for ${room} …`, buttons: [stop] };
    case "unreachable":
      return {
        text: `${wanders ? "You look around yourself." : "Following the teacher."} ${UNREACHABLE}`,
        buttons: [wanders ? back : around, stop],
      };
  }
  const silent = state === "silent" ? " Nothing is heard from the teacher at the moment." : "";
  if (wanders) return { text: `You look around yourself.${silent}`, buttons: [back, stop] };
  const own = own_photo
    ? " The teacher looks at a photo of their own, which isn't shared: the photo here stays."
    : "";
  return { text: `Following the teacher.${own}${silent}`, buttons: [around, stop] };
}

export function says(room: Room): Says {
  return room.role === "leads" ? leads(room) : follows(room);
}

export function roomBar(
  root: HTMLElement,
  source: Source,
  options: OptionStore,
  signal: AbortSignal,
): void {
  const text = h("span", { class: "zf-room-text" });
  const aside = h("span", { class: "zf-room-aside" });
  const code = h("code", { class: "zf-room-code" });
  const typed = h("span", { hidden: true }, "Students type ", code);
  const buttons = h("span", { class: "zf-room-buttons" });
  const bar = h(
    "div",
    { class: "zf-room", role: "region", "aria-label": "Classroom", hidden: true },
    text,
    typed,
    aside,
    buttons,
  );
  root.querySelector(":scope > .zf-title")?.after(bar);
  signal.addEventListener("abort", () => bar.remove(), { once: true });

  const button = ([act, name]: Button) =>
    h(
      "button",
      {
        type: "button",
        class: act === "return" ? "zf-button zf-primary" : "zf-button",
        "data-act": act,
        onclick: () => source.room?.(act),
      },
      name,
    );
  const copy = (room: string) => {
    const code = followCode(room);
    const element = h(
      "button",
      {
        type: "button",
        class: "zf-button",
        title: `Copy what students type: ${code}`,
        onclick: async () => {
          try {
            await navigator.clipboard.writeText(code);
            announce(root, "Copied");
            element.textContent = "Copied";
          } catch {
            element.textContent = "The browser refused";
          }
          setTimeout(() => {
            element.textContent = "Copy for students";
          }, 1500);
        },
      },
      "Copy for students",
    );
    return element;
  };
  let drawn = "";
  const show = () => {
    const room = options.get("room");
    bar.hidden = !room?.role;
    if (!room?.role) {
      if (drawn) announce(root, "You have left the class.");
      drawn = "";
      return;
    }
    const { role, wanders = false, state } = room;
    const said = says(room);
    if (text.textContent !== said.text) {
      text.textContent = said.text;
      announce(root, said.text);
    }
    aside.textContent = said.aside ?? "";
    code.textContent = followCode(room.room);
    typed.hidden = !(role === "leads" && state === "on");
    bar.dataset.role = role;
    bar.dataset.state = wanders ? "wanders" : state;
    const now = JSON.stringify([room.room, said.buttons]);
    if (now === drawn) return; // a button that is pressed again stays the same
    drawn = now;
    const focused = buttons.contains((bar.getRootNode() as Document).activeElement);
    buttons.replaceChildren(
      ...(role === "leads" && state === "on" ? [copy(room.room)] : []),
      ...said.buttons.map(button),
    );
    if (focused) buttons.querySelector<HTMLElement>("[data-act]")?.focus();
  };
  options.subscribe("room", show, signal);
  show();
}

/** How many of a class look at any of these layers, and their share of all who follow. */
export function lookingAt(
  room: Room | null | undefined,
  layers: readonly string[],
): { students: number; share: number } {
  const looking = room?.role === "leads" ? (room.looking ?? []) : [];
  const there = new Set(layers);
  const students = looking.reduce((sum, [layer, n]) => sum + (there.has(layer) ? n : 0), 0);
  return { students, share: students / Math.max(1, room?.followers ?? 0) };
}

export const lookingText = (students: number) =>
  `${count(students, "student")} ${students === 1 ? "looks" : "look"} here`;
