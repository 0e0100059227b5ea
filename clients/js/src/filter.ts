// What a tag filter looks like; the server checks it and refuses a wrong one with pusher:error.

export type TagValue = string | number | boolean;

export type FilterNode =
  | { op: "and" | "or"; nodes: FilterNode[] }
  | { op: "not"; nodes: [FilterNode] }
  | {
      key: string;
      cmp: "eq" | "neq" | "sw" | "ew" | "ct" | "gt" | "gte" | "lt" | "lte";
      val: TagValue;
    }
  | { key: string; cmp: "in" | "nin"; vals: TagValue[] }
  | { key: string; cmp: "ex" | "nex" };

/** Tags, event names, or both (then both must hold). */
export type Filter = FilterNode | { events?: string[]; tags?: FilterNode };
