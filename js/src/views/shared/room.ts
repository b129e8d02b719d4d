/** Below the first line: who leads the class, and whether this view follows. */

import { msg, plural, t } from "../../lib/language/translate";
import { announce } from "../../lib/page/a11y";
import { buttonOf, h } from "../../lib/page/dom";
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

const CLOSE: Button = ["leave", msg("Close")];
const UNREACHABLE = msg(
  "The classroom's server can't be reached. It goes on by itself once it is there.",
);
const FOLLOWING = msg("Following the teacher.");
const AROUND = msg("You look around yourself.");

function leads({ room, state, text, followers = 0, wander = 0 }: Room): Says {
  const stop: Button = ["leave", msg("Stop leading")];
  const again: Button = ["return", msg("Lead again")];
  switch (state) {
    case "taken":
      return {
        text: t("{room} is led from elsewhere now, with the same secret: you lead no longer.", {
          room,
        }),
        buttons: [again, CLOSE],
      };
    case "ended":
      return {
        text: `${t("You lead {room} no longer.", { room })} ${text}`,
        buttons: [again, CLOSE],
      };
    case "unreachable":
      return { text: `${t("You lead {room}.", { room })} ${t(UNREACHABLE)}`, buttons: [stop] };
    case "joining":
      return { text: t("Opening {room} …", { room }), buttons: [stop] };
    default: {
      const around =
        wander > 0
          ? `, ${plural(wander, "{n} of them looks around", "{n} of them look around")}`
          : "";
      const many = plural(followers, "{n} follows", "{n} follow");
      const aside = followers ? `${many}${around}` : t("nobody follows yet");
      return { text: `${t("You lead the class.")} ${text}`.trim(), aside, buttons: [stop] };
    }
  }
}

function follows({ room, state, text, wanders, own_photo }: Room): Says {
  const stop: Button = ["leave", msg("Stop following")];
  const around: Button = ["wander", msg("Look around yourself")];
  const back: Button = ["return", msg("Back to the teacher")];
  switch (state) {
    case "ended":
      return {
        text: `${t("The teacher has left {room}: you look around yourself.", { room })} ${text}`.trim(),
        buttons: [["return", msg("Follow again")], CLOSE],
      };
    case "replaced":
      return {
        text: t("Another Explorer of this notebook follows the teacher now."),
        buttons: [["return", msg("Follow here")], CLOSE],
      };
    case "another network":
      return {
        text: t(
          "The teacher looks at another network than you, so that nothing of it is shown here.",
        ),
        buttons: [stop],
      };
    case "refused":
      return {
        text: `${t("What the teacher looks at can't be shown here:")} ${text}`,
        buttons: [stop],
      };
    case "joining":
      return { text: t("Asking for {room} …", { room }), buttons: [stop] };
    case "unreachable":
      return {
        text: `${t(wanders ? AROUND : FOLLOWING)} ${t(UNREACHABLE)}`,
        buttons: [wanders ? back : around, stop],
      };
  }
  const silent =
    state === "silent" ? ` ${t("Nothing is heard from the teacher at the moment.")}` : "";
  if (wanders) return { text: `${t(AROUND)}${silent}`, buttons: [back, stop] };
  const own = own_photo
    ? ` ${t("The teacher looks at a photo of their own, which isn't shared: the photo here stays.")}`
    : "";
  return { text: `${t(FOLLOWING)}${own}${silent}`, buttons: [around, stop] };
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
  const typed = h("span", { hidden: true }, `${t("Students type")} `, code);
  const buttons = h("span", { class: "zf-room-buttons" });
  const bar = h(
    "div",
    { class: "zf-room", role: "region", "aria-label": t("Classroom"), hidden: true },
    text,
    typed,
    aside,
    buttons,
  );
  root.querySelector(":scope > .zf-title")?.after(bar);
  signal.addEventListener("abort", () => bar.remove(), { once: true });

  const button = ([act, name]: Button) =>
    buttonOf(t(name), {
      class: act === "return" ? "zf-button zf-primary" : "zf-button",
      "data-act": act,
      onclick: () => source.room?.(act),
    });
  const copy = (room: string) => {
    const code = followCode(room);
    const element = buttonOf(t("Copy for students"), {
      title: t("Copy what students type: {code}", { code }),
      onclick: async () => {
        try {
          await navigator.clipboard.writeText(code);
          announce(root, t("Copied"));
          element.textContent = t("Copied");
        } catch {
          element.textContent = t("The browser refused");
        }
        setTimeout(() => {
          element.textContent = t("Copy for students");
        }, 1500);
      },
    });
    return element;
  };
  let drawn = "";
  const show = () => {
    const room = options.get("room");
    bar.hidden = !room?.role;
    if (!room?.role) {
      if (drawn) announce(root, t("You have left the class."));
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
  plural(students, "{n} student looks here", "{n} students look here");
