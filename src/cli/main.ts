#!/usr/bin/env node
import * as api from "../index.js";
import { runProcess } from "./process.js";

await runProcess(api);
