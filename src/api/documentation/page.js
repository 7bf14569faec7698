// The documentation page: reads /openapi.json and shows it. Text from the document is only ever set as text, never as markup.

const byId = (id) => document.getElementById(id);
const MAX_SHOWN = 200_000;
/** The pattern of a text that may hold anything but U+0000. */
const ANY_TEXT = "^[^\\u0000]*$";

/** An element with properties and children; strings among the children become text. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A description as paragraphs and lists, with `code` in them. */
function prose(text, name = "p") {
  const parts = (line) => line.split(/(`[^`]*`)/).map((part) =>
    part.length > 1 && part.startsWith("`") ? element("code", {}, part.slice(1, -1)) : part);
  const fragment = document.createDocumentFragment();
  let list = null;
  for (const line of (text ?? "").split("\n").filter((line) => line.trim())) {
    if (line.startsWith("- ")) {
      list ??= fragment.appendChild(element("ul"));
      list.append(element("li", {}, ...parts(line.slice(2))));
    } else {
      list = null;
      fragment.append(element(name, {}, ...parts(line)));
    }
  }
  return fragment;
}

/** A disclosure whose content is made when it is first opened: schemas are deep, and may hold themselves. */
function disclosure(properties, summary, content) {
  const made = element("details", properties, element("summary", {}, ...summary));
  made.addEventListener("toggle", () => {
    if (made.open && made.childElementCount === 1) made.append(content());
  });
  return made;
}

class Api {
  constructor(specification) {
    this.specification = specification;
  }

  /** The schema that a reference leads to, or the schema itself. */
  resolve(schema) {
    if (!schema?.$ref) return schema ?? {};
    return schema.$ref.slice(2).split("/").reduce((found, step) => found?.[step], this.specification) ?? {};
  }

  name(schema) {
    return schema?.$ref?.split("/").pop();
  }

  /** The operations of a service, in the order of the schema. */
  operations(service) {
    const all = Object.entries(this.specification.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([verb, operation]) => ({ path, verb, ...operation })));
    return all.filter((operation) => operation.tags?.includes(service)).sort((a, b) => a["x-order"] - b["x-order"]);
  }

  properties(schema) {
    const order = Array.isArray(schema["x-order"]) ? schema["x-order"] : Object.keys(schema.properties ?? {});
    return order.map((name) => [name, this.plain(schema.properties[name]), (schema.required ?? []).includes(name)]);
  }

  /** A schema without null, which may stand for every field that is not required and would only be noise. */
  plain({ anyOf, ...schema }) {
    if (anyOf) return { ...schema, ...anyOf[0] };
    const types = [schema.type ?? []].flat().filter((type) => type !== "null");
    return types.length === 1 ? { ...schema, type: types[0] } : types.length ? { ...schema, type: types } : schema;
  }

  /** A word for the type of a value. */
  type(schema) {
    if (schema.$ref) return this.name(schema);
    if (schema.type === "array") return `list of ${this.type(schema.items ?? {})}`;
    const type = [schema.type ?? "any"].flat().join(" or ");
    return schema.format ? `${type} (${schema.format})` : type;
  }

  /** The limits of a value, in words. */
  limits(schema) {
    const between = (low, high, unit) => {
      if (low === undefined && high === undefined) return null;
      if (low === undefined) return `at most ${high}${unit}`;
      return high === undefined ? `at least ${low}${unit}` : `${low} to ${high}${unit}`;
    };
    const ordinary = schema.format === "int32" && schema.minimum === -2147483648 && schema.maximum === 2147483647;
    return [
      between(schema.minLength, schema.maxLength, " characters"),
      ordinary ? null : between(schema.minimum, schema.maximum, ""),
      between(schema.minItems, schema.maxItems, " items"),
      schema.pattern && !schema.format && schema.pattern !== ANY_TEXT ? `matches ${schema.pattern}` : null,
      schema.contentEncoding ?? null,
    ].filter(Boolean).join("; ");
  }

  /** The least value that the schema accepts, to begin from. */
  example(schema, depth = 0) {
    const found = this.resolve(schema);
    if (found.examples?.length) return found.examples[0];
    if (found.enum) return found.enum[0];
    switch ([found.type].flat()[0]) {
      case "object": {
        const wanted = depth > 6 ? [] : this.properties(found).filter(([, , required]) => required);
        return Object.fromEntries(wanted.map(([name, property]) => [name, this.example(property, depth + 1)]));
      }
      case "array": return depth > 6 ? [] : [this.example(found.items, depth + 1)];
      case "integer": return Math.max(found.minimum ?? 0, 0);
      case "number": return 0;
      case "boolean": return false;
      default: return this.text(found);
    }
  }

  text(schema) {
    if (schema.format === "uuid") return crypto.randomUUID?.() ?? "0190b2f4-7c1e-7d2a-9c3e-5f6a7b8c9d0e";
    if (schema.format === "date") return new Date().toISOString().slice(0, 10);
    if (schema.format === "date-time") return new Date().toISOString();
    if (schema.format?.includes("int64")) return String(Math.max(schema.minimum ?? 0, 0));
    if (schema.pattern?.includes("{64}")) return "0".repeat(64);
    return schema.minLength ? "text".padEnd(schema.minLength, ".") : "";
  }
}

/** The fields of a schema as a list, nested ones to be opened. */
function fields(api, schema) {
  const found = api.resolve(schema);
  const list = element("ul", { className: "fields" });
  for (const [name, property, required] of api.properties(found)) list.append(field(api, name, property, required));
  if (found.properties === undefined || !list.childElementCount) {
    return element("p", { className: "limits" }, found.properties ? "It has no fields." : api.type(found));
  }
  return list;
}

function mark(name, text = name) {
  return element("span", { className: name }, text);
}

function field(api, name, schema, required) {
  const inner = schema.type === "array" ? schema.items : schema;
  const target = api.resolve(inner);
  const limits = [api.limits(schema), inner === schema ? "" : api.limits(inner)].filter(Boolean).join("; ");
  const item = element("li", {},
    element("span", { className: "name" }, name), " ",
    element("span", { className: "type" }, api.type(schema)), " ",
    required ? mark("required") : null, " ",
    schema["x-personal"] ? mark("personal", "personal data") : null, " ",
    schema.deprecated ? mark("deprecated") : null, " ",
    limits ? element("span", { className: "limits" }, limits) : null,
    prose(schema.description));
  if (inner.$ref && target.enum) {
    item.append(disclosure({}, [`Values of ${api.name(inner)}`], () => values(target)));
  } else if (inner.$ref || inner.properties) {
    item.append(disclosure({}, [`Fields of ${api.name(inner) ?? "it"}`], () => fields(api, inner)));
  }
  return item;
}

function values(schema) {
  const meanings = schema["x-enum-descriptions"] ?? [];
  return element("ul", { className: "options" }, ...schema.enum.map((value, index) =>
    element("li", {}, element("code", {}, value), ` ${meanings[index] ?? ""}`)));
}

/** A text as one word of a POSIX shell. */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl(request) {
  const lines = [`curl ${quoted(location.origin + request.address)}`, `-H "authorization: Bearer $TOKEN"`];
  if (request.streams) lines.splice(1, 0, "--no-buffer", `-H 'accept: application/x-ndjson'`);
  if (request.body !== undefined) lines.push(`-H 'content-type: application/json'`, `--data ${quoted(request.body)}`);
  return lines.join(" \\\n  ");
}

function operationView(api, operation) {
  const body = operation.requestBody?.content["application/json"].schema;
  const answers = operation.responses["200"].content;
  const kind = operation["x-vedtak-kind"];
  const content = element("div", {},
    prose(operation.description),
    element("p", { className: "facts" }, `Needs the role ${operation["x-vedtak-access"]}. In gRPC: `,
      element("code", {}, operation["x-vedtak-grpc"])));
  const parameters = apart(operation.parameters);
  if (parameters.length) {
    content.append(element("h3", {}, "Path and query"), element("ul", { className: "fields" }, ...parameters.map((parameter) =>
      field(api, parameter.name, { ...parameter.schema, description: parameter.description }, parameter.required))));
  }
  if (body) content.append(element("h3", {}, `Body: ${api.name(body)}`), fields(api, body));
  const [answer] = Object.values(answers);
  content.append(
    element("h3", {}, `${kind === "stream" ? "Answer, one after the other" : "Answer"}: ${api.name(answer.schema)}`),
    disclosure({}, [`Fields of ${api.name(answer.schema)}`], () => fields(api, answer.schema)),
    disclosure({}, ["Fields of a refusal (Problem)"], () => fields(api, { $ref: "#/components/schemas/Problem" })),
    attempt(api, operation, body));
  return content;
}

/** The parameters, one for each name in the query string: an object there is written as its fields. */
function apart(parameters = []) {
  return parameters.flatMap((parameter) => parameter.schema.type !== "object" ? [parameter]
    : parameter.schema["x-order"].map((name) => ({
      name, in: parameter.in, required: false, description: parameter.schema.properties[name].description, schema: parameter.schema.properties[name],
    })));
}

/** The body to begin from: the example, with a request id of its own, since one that was sent before is answered as then. */
function beginning(api, operation, body) {
  const example = operation.requestBody.content["application/json"].example;
  if (!example) return api.example(body);
  return { ...example, context: { ...example.context, request_id: api.text({ format: "uuid" }) } };
}

/** The form to try a request, and the same request for curl. */
function attempt(api, operation, body) {
  const inputs = apart(operation.parameters).map((parameter) => [parameter, element("input", {
    value: parameter.in === "path" ? String(parameter.example ?? api.example(parameter.schema)) : "",
    required: parameter.required,
    autocomplete: "off",
    placeholder: parameter.schema.type === "array" ? "several, with a space between" : "",
  })]);
  const area = body && element("textarea", { spellcheck: false, value: JSON.stringify(beginning(api, operation, body), null, 2) });
  const command = element("pre", { tabIndex: 0 });
  const send = element("button", { type: "submit" }, "Send");
  const stop = element("button", { type: "button", disabled: true }, "Stop");
  const state = element("p", { role: "status" });
  const answer = element("pre", { tabIndex: 0, hidden: true });
  const request = () => {
    let path = operation.path;
    const query = new URLSearchParams();
    for (const [parameter, input] of inputs) {
      if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else for (const value of parameter.schema.type === "array" ? input.value.split(/\s+/) : [input.value]) {
        if (value) query.append(parameter.name, value);
      }
    }
    const address = path + (query.size ? `?${query}` : "");
    return { address, verb: operation.verb, body: area?.value, streams: operation["x-vedtak-kind"] === "stream" };
  };
  const form = element("form", { className: "try" },
    element("h3", {}, "Try it"),
    ...inputs.map(([parameter, input]) => element("label", {}, parameter.name, input)),
    area && element("label", {}, "Body", area),
    element("div", { className: "buttons" }, send, stop), state, answer,
    element("h3", {}, "With curl"), command);
  const refresh = () => { command.textContent = curl(request()); };
  form.addEventListener("input", refresh);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const abort = new AbortController();
    stop.onclick = () => abort.abort();
    [send.disabled, stop.disabled, answer.hidden, answer.textContent, state.className] = [true, false, false, "", ""];
    await perform(request(), abort.signal, state, answer);
    [send.disabled, stop.disabled] = [false, true];
  });
  refresh();
  return form;
}

async function perform(request, signal, state, answer) {
  const headers = { accept: request.streams ? "application/x-ndjson" : "application/json" };
  if (byId("token").value) headers.authorization = `Bearer ${byId("token").value.trim()}`;
  if (request.body !== undefined) headers["content-type"] = "application/json";
  const begun = performance.now();
  state.textContent = "Sent …";
  try {
    const response = await fetch(request.address, { method: request.verb.toUpperCase(), headers, body: request.body, signal, credentials: "omit" });
    state.textContent = `${response.status} ${response.statusText} after ${Math.round(performance.now() - begun)} ms`;
    state.className = response.ok ? "" : "failed";
    if (request.streams && response.ok) await follow(response, answer);
    else answer.textContent = pretty(await response.text());
  } catch (problem) {
    const stopped = problem.name === "AbortError";
    state.textContent = stopped ? "Stopped." : `The request failed: ${problem.message}`;
    state.className = stopped ? "" : "failed";
  }
}

async function follow(response, answer) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    answer.append(part.value);
    if (answer.textContent.length > MAX_SHOWN) answer.textContent = answer.textContent.slice(-MAX_SHOWN / 2);
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2).slice(0, MAX_SHOWN);
  } catch {
    return text.slice(0, MAX_SHOWN);
  }
}

/** All sections, with the links to them, and what the filter looks in. */
function show(api) {
  const found = [];
  const contents = byId("contents").appendChild(element("div"));
  for (const tag of api.specification.tags) {
    const section = element("section", {}, element("h2", { id: tag.name }, tag.name), prose(tag.description));
    const links = element("ul");
    const part = element("div", {}, element("h2", {}, tag.name), links);
    for (const operation of api.operations(tag.name)) {
      const view = disclosure({ id: operation.operationId, className: "operation" }, [
        element("span", { className: `verb ${operation["x-vedtak-kind"]}` }, operation.verb), " ",
        element("span", { className: "path" }, operation.path),
        element("span", { className: "says" }, `${operation.operationId}: ${operation.summary ?? ""}`),
      ], () => operationView(api, operation));
      const link = element("li", {}, element("a", { href: `#${operation.operationId}` }, operation.operationId));
      section.append(view);
      links.append(link);
      const words = [operation.operationId, operation.path, operation.description, operation["x-vedtak-access"], operation["x-vedtak-kind"], tag.name];
      found.push({ view, link, section, part, words: words.join(" ").toLowerCase() });
    }
    byId("services").append(section);
    contents.append(part);
  }
  return found;
}

function filter(found) {
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map();
  for (const { view, link, section, part, words: text } of found) {
    const fits = words.every((word) => text.includes(word));
    view.hidden = link.hidden = !fits;
    groups.set(section, groups.get(section) || fits);
    section.hidden = part.hidden = !groups.get(section);
  }
  const count = found.filter(({ view }) => !view.hidden).length;
  byId("state").textContent = words.length ? `${count} of ${found.length} operations.` : `${found.length} operations.`;
}

/** Opens the operation that the address names. */
function open() {
  const named = byId(decodeURIComponent(location.hash.slice(1)));
  if (named?.matches("details.operation")) {
    named.open = true;
    named.scrollIntoView();
  }
}

try {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`/openapi.json answered ${response.status}`);
  const api = new Api(await response.json());
  byId("version").textContent = api.specification.info.version;
  byId("introduction").append(prose(api.specification.info.description));
  const found = show(api);
  filter(found);
  byId("filter").addEventListener("input", () => filter(found));
  addEventListener("hashchange", open);
  open();
} catch (problem) {
  byId("state").textContent = `The document could not be shown: ${problem.message}`;
  byId("state").className = "failed";
}
