/** What every view is: a function that fills an element until its signal aborts. */

import type { OwnStore, SelectionStore, Store } from "../../lib/page/selection_store";
import type { Source } from "../../lib/wire/source";

/** A widget's part in a classroom: `InRoom.room` in zfwidgets/widgets/room.py. */
export interface Room {
  role?: "leads" | "follows";
  /** The room's public name. */
  room: string;
  state:
    | "on"
    | "joining"
    | "unreachable"
    | "silent"
    | "ended"
    | "taken"
    | "replaced"
    | "refused"
    | "another network";
  text: string;
  /** Whether the student, who follows, looks around by themselves. */
  wanders?: boolean;
  /** Whether the teacher's photo is their own, which isn't shared. */
  own_photo?: boolean;
  /** For the teacher, who leads: how many students there are, look around, and look at each layer. */
  followers?: number;
  wander?: number;
  looking?: readonly [layer: string, students: number][];
}

/** How a view shows what is chosen; all views of a widget have the same. */
export interface ViewOptions {
  /** What the page speaks; set by the kernel alone. */
  language?: string;
  /** Start occlusion maps without being asked. */
  auto?: boolean;
  /** Input pixels between positions of the occluder. */
  stride?: number;
  overlay?: string;
  colours?: string;
  opacity?: number;
  patches?: string;
  values?: string;
  scale?: string;
  whole?: boolean;
  pixels?: boolean;
  /** Channels worth a look. */
  gallery?: readonly [layer: string, channel: number, text: string][];
  /** Whether the photo follows the channel. */
  photo_follows?: boolean;
  sort?: string;
  /** Set by the kernel alone. */
  room?: Room;
  /** A channel under a rule whose patches stand beside those of the chosen one. */
  pinned?: Pinned | null;
}

export type Pinned = readonly [layer: string, channel: number, rule: string];

export type OptionStore = Store<ViewOptions>;

export type View = (
  el: HTMLElement,
  selection: SelectionStore,
  source: Source,
  signal: AbortSignal,
  options: OptionStore,
) => void;

/** A view of a widget with a state of its own: it knows no selection. */
export type OwnView<S extends object> = (
  el: HTMLElement,
  store: OwnStore<S>,
  source: Source,
  signal: AbortSignal,
) => void;

/** The option's value if it is among the choices, else the first choice. */
export function choice<V extends string>(
  value: string | null | undefined,
  choices: readonly (readonly [V, string])[],
): V {
  return (choices.find(([v]) => v === value) ?? choices[0])?.[0] as V;
}

/** An abort controller that is replaced at each call; all end with `signal`. */
export function renewable(signal: AbortSignal): () => AbortSignal {
  let current = new AbortController();
  return () => {
    current.abort();
    current = new AbortController();
    return AbortSignal.any([signal, current.signal]);
  };
}
