//! Checks an expression before it is used: names, types, cost.
//!
//! CEL has no loops but those over lists, and no calls of one's own: so what an expression may
//! cost at most can be told from it.

use cel::common::ast::{operators, CallExpr, ComprehensionExpr, Expr, LiteralValue};
use cel::IdedExpr;

use super::types::Type;
use super::ConditionError;
use crate::catalogue::MOST_TAGS;

/// What is known of an expression.
struct Known {
    of_type: Type,
    /// Steps that evaluating it takes at most.
    cost: u64,
    /// Of a list or a map: its length at most.
    len: u64,
}

/// Steps that evaluating a condition may take.
pub(super) const MOST_STEPS: u64 = 20_000;

/// Checks that an expression is a condition.
pub(super) fn check(expression: &IdedExpr) -> Result<(), ConditionError> {
    let known = Checker { scopes: Vec::new() }.expression(expression)?;
    if known.of_type != Type::Bool {
        return Err(ConditionError::NotBool { found: known.of_type.to_string() });
    }
    if known.cost > MOST_STEPS {
        return Err(ConditionError::TooCostly { found: known.cost, limit: MOST_STEPS });
    }
    Ok(())
}

struct Checker {
    /// Variables of macros, the innermost last: name, type, and length.
    scopes: Vec<(String, Type, u64)>,
}

impl Checker {
    fn expression(&mut self, expression: &IdedExpr) -> Result<Known, ConditionError> {
        let known = |of_type, len| Known { of_type, cost: 1, len };
        let unknown = |name: &str| ConditionError::UnknownFunction { name: name.to_owned() };
        Ok(match &expression.expr {
            Expr::Literal(LiteralValue::Boolean(_)) => known(Type::Bool, 0),
            Expr::Literal(LiteralValue::Int(_)) => known(Type::Int, 0),
            Expr::Literal(LiteralValue::Double(_)) => known(Type::Double, 0),
            Expr::Literal(LiteralValue::String(_)) => known(Type::String, 0),
            Expr::Literal(_) => {
                return Err(wrong("a literal", &[], "bool, int, double or string"));
            }
            Expr::Ident(name) => self.variable(name)?,
            Expr::Select(select) => {
                let operand = self.expression(&select.operand)?;
                if operand.of_type != Type::Map {
                    let operation = format!(".{}", select.field);
                    return Err(wrong(&operation, &[&operand.of_type], "map(string, string)"));
                }
                let of_type = if select.test { Type::Bool } else { Type::String };
                Known { of_type, cost: steps(&[&operand]), len: 0 }
            }
            Expr::Call(call) => self.call(call)?,
            Expr::List(list) => {
                let mut of: Option<Type> = None;
                let mut cost = 1u64;
                for element in &list.elements {
                    let element = self.expression(element)?;
                    cost = cost.saturating_add(element.cost);
                    of = Some(match of {
                        None => element.of_type,
                        Some(of) => of.unified(&element.of_type).ok_or_else(|| {
                            wrong("a list", &[&of, &element.of_type], "elements of one type")
                        })?,
                    });
                }
                let of_type = Type::List(of.map(Box::new));
                Known { of_type, cost, len: list.elements.len() as u64 }
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension)?,
            Expr::Map(_) => return Err(unknown("a literal of a map")),
            Expr::Struct(made) => return Err(unknown(&made.type_name)),
            Expr::Unspecified => return Err(unknown("nothing")),
        })
    }

    fn variable(&self, name: &str) -> Result<Known, ConditionError> {
        let scoped = self.scopes.iter().rev().find(|(known, ..)| known == name);
        if let Some((_, of_type, len)) = scoped {
            return Ok(Known { of_type: of_type.clone(), cost: 1, len: *len });
        }
        let of_type = Type::of_variable(name)
            .ok_or_else(|| ConditionError::UnknownVariable { name: name.to_owned() })?;
        Ok(Known { of_type, cost: 1, len: MOST_TAGS as u64 })
    }

    fn call(&mut self, call: &CallExpr) -> Result<Known, ConditionError> {
        let mut operands = Vec::new();
        for operand in call.target.as_deref().into_iter().chain(&call.args) {
            operands.push(self.expression(operand)?);
        }
        let types: Vec<&Type> = operands.iter().map(|known| &known.of_type).collect();
        let fail = |expected| Err(wrong(&call.func_name, &types, expected));
        let is_member = call.target.is_some();
        let mut len = 0;
        let of_type = match (&*call.func_name, &*types, is_member) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, types, false) => {
                match types.iter().all(|of_type| **of_type == Type::Bool) {
                    true => Type::Bool,
                    false => return fail("bool"),
                }
            }
            (operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE, [Type::Bool], false) => {
                Type::Bool
            }
            (operators::EQUALS | operators::NOT_EQUALS, [a, b], false)
                if a.unified(b).is_some() =>
            {
                Type::Bool
            }
            (
                operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS,
                [a, b],
                false,
            ) if a == b && a.has_order() => Type::Bool,
            (operators::IN, [element, Type::List(of)], false)
                if of.as_ref().is_none_or(|of| of.unified(element).is_some()) =>
            {
                Type::Bool
            }
            (operators::IN, [Type::String, Type::Map], false) => Type::Bool,
            (operators::ADD, [a, b], false) => match a.unified(b) {
                Some(of_type @ (Type::Int | Type::Double | Type::String | Type::List(_))) => {
                    len = operands.iter().fold(0u64, |len, known| len.saturating_add(known.len));
                    of_type
                }
                _ => return fail("two of int, double, string or list"),
            },
            (operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE, [a, b], false)
                if a == b && a.is_number() =>
            {
                (*a).clone()
            }
            (operators::MODULO, [Type::Int, Type::Int], false) => Type::Int,
            (operators::NEGATE, [a], false) if a.is_number() => (*a).clone(),
            (operators::CONDITIONAL, [Type::Bool, a, b], false) => match a.unified(b) {
                Some(of_type) => {
                    len = operands.iter().map(|known| known.len).max().unwrap_or(0);
                    of_type
                }
                None => return fail("bool, and two of one type"),
            },
            (operators::INDEX, [Type::List(Some(of)), Type::Int], false) => {
                len = operands.first().map_or(0, |known| known.len);
                (**of).clone()
            }
            (operators::INDEX, [Type::Map, Type::String], false) => Type::String,
            ("size", [Type::String | Type::List(_) | Type::Map], _) => Type::Int,
            ("startsWith" | "endsWith" | "contains", [Type::String, Type::String], true) => {
                Type::Bool
            }
            ("int", [Type::Int | Type::Double | Type::String], false) => Type::Int,
            ("double", [Type::Int | Type::Double | Type::String], false) => Type::Double,
            ("string", [Type::Bool | Type::Int | Type::Double | Type::String], false) => {
                Type::String
            }
            (name, ..) => match expected(name) {
                Some(expected) => return fail(expected),
                None => return Err(ConditionError::UnknownFunction { name: name.to_owned() }),
            },
        };
        let all: Vec<&Known> = operands.iter().collect();
        Ok(Known { of_type, cost: steps(&all), len })
    }

    /// What `exists`, `all`, `exists_one`, `map` and `filter` have become.
    fn comprehension(&mut self, made: &ComprehensionExpr) -> Result<Known, ConditionError> {
        let range = self.expression(&made.iter_range)?;
        let element = match &range.of_type {
            Type::List(Some(of)) => (**of).clone(),
            // Nothing is done with elements that there are not.
            Type::List(None) | Type::Map => Type::String,
            other => return Err(wrong("a macro", &[other], "a list or a map")),
        };
        if made.iter_var2.is_some() {
            return Err(ConditionError::UnknownFunction { name: "a macro of two".to_owned() });
        }
        let init = self.expression(&made.accu_init)?;
        let depth = self.scopes.len();
        self.scopes.push((made.iter_var.clone(), element, range.len));
        self.scopes.push((made.accu_var.clone(), init.of_type.clone(), range.len));
        let condition = self.expression(&made.loop_cond)?;
        let step = self.expression(&made.loop_step)?;
        let of_type = init.of_type.unified(&step.of_type).ok_or_else(|| {
            wrong("a macro", &[&init.of_type, &step.of_type], "an expression of the same type")
        })?;
        self.scopes.truncate(depth);
        self.scopes.push((made.accu_var.clone(), of_type, range.len));
        let result = self.expression(&made.result)?;
        self.scopes.truncate(depth);
        // What comes out of a list has at most its length.
        let turn = condition.cost.saturating_add(step.cost);
        let turns = turn.saturating_mul(range.len);
        let cost = steps(&[&range, &init, &result]).saturating_add(turns);
        Ok(Known { of_type: result.of_type, cost, len: range.len })
    }
}

/// Steps of an operation, with those of its operands.
fn steps(operands: &[&Known]) -> u64 {
    operands.iter().fold(1, |steps: u64, known| steps.saturating_add(known.cost))
}

fn wrong(operation: &str, types: &[&Type], expected: &'static str) -> ConditionError {
    let types: Vec<String> = types.iter().map(ToString::to_string).collect();
    let found = if types.is_empty() { "another".to_owned() } else { types.join(", ") };
    // Operators are named as they are written.
    let operation = operation.replace('_', " ").replace('@', "").trim().to_owned();
    ConditionError::Types { operation, found, expected }
}

/// What a known function or operator takes.
fn expected(name: &str) -> Option<&'static str> {
    Some(match name {
        operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE => "bool",
        operators::EQUALS | operators::NOT_EQUALS => "two of one type",
        operators::LESS
        | operators::LESS_EQUALS
        | operators::GREATER
        | operators::GREATER_EQUALS => "two of int, double or string",
        operators::IN => "a value and a list of such, or a string and a map",
        operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE => {
            "two of int, or two of double"
        }
        operators::MODULO => "int, int",
        operators::NEGATE => "int or double",
        operators::INDEX => "a list and an int, or a map and a string",
        "size" => "a string, a list or a map",
        "startsWith" | "endsWith" | "contains" => "a string, and a string",
        "int" | "double" => "int, double or string",
        "string" => "bool, int, double or string",
        _ => return None,
    })
}
