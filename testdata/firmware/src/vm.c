/* A tiny stack machine for scripts that run in the field.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

enum op {
    HALT, PUSH8, PUSH16, PUSH32, DROP, DUP, SWAP, OVER, ADD, SUB, MUL, DIV, MOD, AND, OR, XOR, NOT, NEG, SHL, SHR,
    EQ, NE, LT, LE, GT, GE, JMP, JZ, JNZ, LOAD, STORE, INC, CALL, RET, SENSE, PIN, OUT, PRINT, SIN, SQRT, TICKS, SLEEP,
    ALARM, ABS, MIN, MAX, CLAMP,
#if FW_1_1
    WATCH, MEDIAN,
#endif
    OP_COUNT
};

struct op_info { const char *name; uint8_t operand, pops, pushes; };
static const struct op_info ops[OP_COUNT] = {
    [HALT] = { "halt", 0, 0, 0 }, [PUSH8] = { "push8", 1, 0, 1 }, [PUSH16] = { "push16", 2, 0, 1 },
    [PUSH32] = { "push32", 4, 0, 1 }, [DROP] = { "drop", 0, 1, 0 }, [DUP] = { "dup", 0, 1, 2 },
    [SWAP] = { "swap", 0, 2, 2 }, [OVER] = { "over", 0, 2, 3 }, [ADD] = { "add", 0, 2, 1 }, [SUB] = { "sub", 0, 2, 1 },
    [MUL] = { "mul", 0, 2, 1 }, [DIV] = { "div", 0, 2, 1 }, [MOD] = { "mod", 0, 2, 1 }, [AND] = { "and", 0, 2, 1 },
    [OR] = { "or", 0, 2, 1 }, [XOR] = { "xor", 0, 2, 1 }, [NOT] = { "not", 0, 1, 1 }, [NEG] = { "neg", 0, 1, 1 },
    [SHL] = { "shl", 0, 2, 1 }, [SHR] = { "shr", 0, 2, 1 }, [EQ] = { "eq", 0, 2, 1 }, [NE] = { "ne", 0, 2, 1 },
    [LT] = { "lt", 0, 2, 1 }, [LE] = { "le", 0, 2, 1 }, [GT] = { "gt", 0, 2, 1 }, [GE] = { "ge", 0, 2, 1 },
    [JMP] = { "jmp", 2, 0, 0 }, [JZ] = { "jz", 2, 1, 0 }, [JNZ] = { "jnz", 2, 1, 0 }, [LOAD] = { "load", 1, 0, 1 },
    [STORE] = { "store", 1, 1, 0 }, [INC] = { "inc", 1, 0, 0 }, [CALL] = { "call", 2, 0, 1 }, [RET] = { "ret", 0, 1, 0 },
    [SENSE] = { "sense", 0, 2, 1 }, [PIN] = { "pin", 0, 1, 1 }, [OUT] = { "out", 0, 2, 0 }, [PRINT] = { "print", 0, 1, 0 },
    [SIN] = { "sin", 0, 1, 1 }, [SQRT] = { "sqrt", 0, 1, 1 }, [TICKS] = { "ticks", 0, 0, 1 }, [SLEEP] = { "sleep", 0, 1, 0 },
    [ALARM] = { "alarm", 1, 1, 0 }, [ABS] = { "abs", 0, 1, 1 }, [MIN] = { "min", 0, 2, 1 }, [MAX] = { "max", 0, 2, 1 },
    [CLAMP] = { "clamp", 0, 3, 1 },
#if FW_1_1
    [WATCH] = { "watch", 0, 2, 0 }, [MEDIAN] = { "median", 0, 3, 1 },
#endif
};

static int32_t operand(const uint8_t *p, unsigned n)
{
    switch (n) {
    case 1: return (int8_t)p[0];
    case 2: return (int16_t)(p[0] | p[1] << 8);
    case 4: return (int32_t)((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
    default: return 0;
    }
}

int vm_run(struct vm *vm, uint32_t budget)
{
    while (budget--) {
        if (vm->pc >= vm->size)
            return E_RANGE;
        uint8_t op = vm->code[vm->pc];
        if (op >= OP_COUNT)
            return E_UNSUPPORTED;
        const struct op_info *info = &ops[op];
        if (vm->sp < info->pops || vm->sp - info->pops + info->pushes > (int)COUNT(vm->stack))
            return E_STATE;
        if (vm->pc + 1 + info->operand > vm->size)
            return E_RANGE;
        int32_t arg = operand(vm->code + vm->pc + 1, info->operand);
        vm->pc = (uint16_t)(vm->pc + 1 + info->operand);
        vm->steps++;
        int32_t *top = vm->stack + vm->sp; /* the first free place */
        int32_t a = info->pops >= 2 ? top[-2] : 0, b = info->pops >= 1 ? top[-1] : 0;
        switch ((enum op)op) {
        case HALT: return OK;
        case PUSH8: case PUSH16: case PUSH32: top[0] = arg; break;
        case DROP: break;
        case DUP: top[0] = b; break;
        case SWAP: top[-2] = b; top[-1] = a; break;
        case OVER: top[0] = a; break;
        case ADD: top[-2] = (int32_t)((uint32_t)a + (uint32_t)b); break;
        case SUB: top[-2] = (int32_t)((uint32_t)a - (uint32_t)b); break;
        case MUL: top[-2] = (int32_t)((uint32_t)a * (uint32_t)b); break;
        case DIV: if (b == 0 || (b == -1 && a == INT32_MIN)) return E_RANGE; top[-2] = a / b; break;
        case MOD: if (b == 0 || (b == -1 && a == INT32_MIN)) return E_RANGE; top[-2] = a % b; break;
        case AND: top[-2] = a & b; break;
        case OR: top[-2] = a | b; break;
        case XOR: top[-2] = a ^ b; break;
        case NOT: top[-1] = ~b; break;
        case NEG: top[-1] = (int32_t)(0u - (uint32_t)b); break;
        case SHL: top[-2] = (int32_t)((uint32_t)a << (b & 31)); break;
        case SHR: top[-2] = (int32_t)((uint32_t)a >> (b & 31)); break;
        case EQ: top[-2] = a == b; break;
        case NE: top[-2] = a != b; break;
        case LT: top[-2] = a < b; break;
        case LE: top[-2] = a <= b; break;
        case GT: top[-2] = a > b; break;
        case GE: top[-2] = a >= b; break;
        case JMP: vm->pc = (uint16_t)(vm->pc + arg); break;
        case JZ: if (!b) vm->pc = (uint16_t)(vm->pc + arg); break;
        case JNZ: if (b) vm->pc = (uint16_t)(vm->pc + arg); break;
        case LOAD: top[0] = vm->vars[arg & 15]; break;
        case STORE: vm->vars[arg & 15] = b; break;
        case INC: vm->vars[arg & 15]++; break;
        case CALL: top[0] = vm->pc; vm->pc = (uint16_t)arg; break;
        case RET: vm->pc = (uint16_t)b; break;
        case SENSE:
            if (a < 0 || a >= n_sensors || b < 0 || b >= sensors[a].n_channels)
                return E_NODEV;
            top[-2] = sensors[a].last[b];
            break;
        case PIN: top[-1] = gpio_read((unsigned)b); break;
        case OUT: if (gpio_write((unsigned)a, b != 0) != OK) return E_RANGE; break;
        case PRINT: print("%q\n", b); break;
        case SIN: top[-1] = sin_q15((uint16_t)b); break;
        case SQRT: if (b < 0) return E_RANGE; top[-1] = (int32_t)isqrt((uint32_t)b); break;
        case TICKS: top[0] = (int32_t)ticks; break;
        case SLEEP: delay_ms((uint32_t)b); break;
        case ALARM: if (b) { log_at(LOG_WARN, "vm", "script raised alarm %d", arg); fsm_post(EV_ALARM); } break;
        case ABS: top[-1] = b < 0 ? (int32_t)(0u - (uint32_t)b) : b; break;
        case MIN: top[-2] = a < b ? a : b; break;
        case MAX: top[-2] = a > b ? a : b; break;
        case CLAMP: top[-3] = top[-3] < a ? a : top[-3] > b ? b : top[-3]; break;
#if FW_1_1
        case WATCH:
            if (a < 0 || a >= n_sensors)
                return E_NODEV;
            watch_add(sensors[a].name, b);
            break;
        case MEDIAN: top[-3] = median(top - 3, 3); break;
#endif
        case OP_COUNT: return E_UNSUPPORTED;
        }
        vm->sp = (int8_t)(vm->sp - info->pops + info->pushes);
    }
    return E_TIMEOUT;
}

void vm_disassemble(const uint8_t *code, size_t n)
{
    for (size_t pc = 0; pc < n;) {
        uint8_t op = code[pc];
        if (op >= OP_COUNT || pc + 1 + ops[op].operand > n) {
            print("%04x  .byte %02x\n", (uint32_t)pc, (uint32_t)op);
            pc++;
            continue;
        }
        print("%04x  %-7s", (uint32_t)pc, ops[op].name);
        if (ops[op].operand)
            print(" %d", operand(code + pc + 1, ops[op].operand));
        print("\n");
        pc += 1u + ops[op].operand;
    }
}

static const uint8_t blink[] = { PUSH8, 13, PUSH8, 1, OUT, PUSH8, 100, SLEEP, PUSH8, 13, PUSH8, 0, OUT, PUSH8, 100, SLEEP,
                                 INC, 0, LOAD, 0, PUSH8, 10, LT, JNZ, 0xE6, 0xFF, HALT };
static const uint8_t wave[] = { TICKS, PUSH16, 0xFF, 0x7F, AND, SIN, PRINT, INC, 1, LOAD, 1, PUSH8, 50, LT, JNZ, 0xEF, 0xFF, HALT };
static const uint8_t guard[] = { PUSH8, 0, PUSH8, 0, SENSE, DUP, PUSH16, 0x60, 0x6D, GT, ALARM, 1, PUSH16, 0xF0, 0xD8, LT, ALARM, 2, HALT };
static const uint8_t primes[] = { PUSH8, 2, STORE, 0, PUSH8, 2, STORE, 1, LOAD, 1, DUP, MUL, LOAD, 0, GT, JNZ, 13, 0, LOAD, 0,
                                  LOAD, 1, MOD, JZ, 8, 0, INC, 1, JMP, 0xE9, 0xFF, LOAD, 0, PRINT, INC, 0, LOAD, 0, PUSH8, 100,
                                  LT, JNZ, 0xD8, 0xFF, HALT };
#if FW_1_1
static const uint8_t steady[] = { PUSH8, 0, PUSH8, 0, SENSE, PUSH8, 1, PUSH8, 0, SENSE, PUSH8, 2, PUSH8, 0, SENSE, MEDIAN, PRINT, HALT };
#endif

const struct script scripts[] = {
    { "blink", blink, sizeof blink }, { "wave", wave, sizeof wave }, { "guard", guard, sizeof guard }, { "primes", primes, sizeof primes },
#if FW_1_1
    { "steady", steady, sizeof steady },
#endif
};
const int n_scripts = COUNT(scripts);
