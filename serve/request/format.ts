/**
 * The form that a request wants of its answer: JSON, a schema's values, calls of tools.
 *
 * @module
 */
import type { ChatOptions, Json, ResponseFormat, ToolChoice } from "../../core/chat_events.ts";
import { Body } from "./body.ts";

/**
 * Reads `response_format`, and `json_schema` as llama.cpp has it. Answers are held to a schema whether it is called
 * strict or not.
 *
 * @throws {ApiError} naming the field that is wrong
 */
export function readFormat(body: Body): ResponseFormat | undefined {
  const bare = body.raw("json_schema");
  const format = body.object("response_format");
  if (bare !== undefined && format !== undefined) throw body.error("json_schema", "there is response_format too");
  if (bare !== undefined) return { type: "json_schema", schema: bare as Json };
  if (format === undefined) return undefined;
  const type = format.choice("type", ["text", "json_object", "json_schema"]);
  if (type === undefined) throw format.error("type", "it is missing");
  const named = type === "json_schema" ? format.object("json_schema") : undefined;
  format.end();
  if (type !== "json_schema") return { type };
  if (named === undefined) throw format.error("json_schema", "it is missing");
  return readSchema(named);
}

/**
 * Reads `format` as the Responses API has it: a schema and its name stand beside the type.
 *
 * @throws {ApiError} naming the field that is wrong
 */
export function readFlatFormat(body: Body): ResponseFormat | undefined {
  const format = body.object("format");
  const type = format?.choice("type", ["text", "json_object", "json_schema"]);
  if (format === undefined) return undefined;
  if (type === undefined) throw format.error("type", "it is missing");
  if (type === "json_schema") return readSchema(format);
  format.end();
  return { type };
}

function readSchema(named: Body): ResponseFormat {
  for (const key of ["name", "description"]) named.text(key); // for people
  named.boolean("strict");
  const schema = named.raw("schema");
  named.end();
  if (schema === undefined) throw named.error("schema", "it is missing");
  return { type: "json_schema", schema: schema as Json };
}

/** How tools are written. */
export interface ToolForm {
  /** Whether a function stands beside its `type`, as in the Responses API, instead of inside. Default false. */
  readonly flat?: boolean | undefined;
}

/**
 * Reads `tools`, `tool_choice` and `parallel_tool_calls`.
 *
 * @throws {ApiError} naming the field that is wrong
 */
export function readTools(body: Body, form: ToolForm = {}): Pick<ChatOptions, "tools" | "toolChoice"> {
  const tools = body.list("tools") ?? [];
  const names = tools.map((tool, i) => readTool(new Body(tool, `tools[${i}]`), form));
  const toolChoice = readChoice(body, names, form);
  const parallel = body.boolean("parallel_tool_calls");
  if (names.length === 0) return {};
  // A call that must be is one; of those that the model likes to make there may be several.
  if (parallel === false && (toolChoice === undefined || toolChoice === "auto")) {
    throw body.error("parallel_tool_calls", 'false goes with a tool_choice other than "auto"');
  }
  return { tools: form.flat ? tools.map(nested) : tools as Json[], toolChoice };
}

/** A tool that stands beside its `type` in the form that models know. */
function nested(tool: unknown): Json {
  const fields = Object.entries(tool as object).filter(([key, value]) => key !== "type" && value !== null);
  return { type: "function", function: Object.fromEntries(fields) };
}

function readTool(tool: Body, { flat }: ToolForm): string {
  tool.only("type", "function");
  const inner = flat ? tool : tool.object("function");
  if (inner === undefined) throw tool.error("function", "it is missing");
  const name = inner.text("name");
  if (name === undefined || name === "") throw inner.error("name", "it is missing");
  inner.text("description");
  inner.boolean("strict");
  inner.object("parameters");
  inner.end();
  tool.end();
  return name;
}

function readChoice(body: Body, names: readonly string[], { flat }: ToolForm): ToolChoice | undefined {
  const value = body.raw("tool_choice");
  if (value === undefined || value === "auto" || value === "none") return value;
  if (value === "required") {
    if (names.length === 0) throw body.error("tool_choice", "there are no tools");
    return value;
  }
  if (typeof value === "string") throw body.error("tool_choice", '"none", "auto", "required" or a function are read');
  const choice = new Body(value, "tool_choice");
  choice.only("type", "function");
  const named = flat ? choice : choice.object("function");
  const toolName = named?.text("name");
  named?.end();
  choice.end();
  if (toolName === undefined || !names.includes(toolName)) throw body.error("tool_choice", "there is no such tool");
  return { type: "tool", toolName };
}
