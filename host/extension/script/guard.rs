//! What is built into a script when it is compiled: places of stops, a bound on the stack, and a bound on nesting.
//!
//! The engine forgets where it stopped a script: on its way out of a function the error gets the place of the call. It counts
//! the entries of arrays and maps, but not how deeply they lie in each other, and whatever walks a value (copying, comparing,
//! dropping, JSON) recurses: a hundred thousand arrays in each other end the process. Closures that hold closures are not even
//! counted. So every function's body, every array and map that is not constant, every argument and every assignment to a part
//! of a value is wrapped into an expression of the host's, which looks after these.

use super::budget;
use crate::error::{Error, Result};
use rhai::{
    AST, ASTNode, Array, CustomExpr, Dynamic, Engine, EvalAltResult, EvalContext, Expr, Expression, FnCallExpr, FnPtr,
    INT, Map, Module, Position, ScriptFuncDef, Stmt, StmtBlock, Token,
};
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// How deeply values may lie in each other.
pub const NESTING: usize = 64;

/// How many closures that capture something may lie in one value. They share what they capture, so that the ways through a
/// value of a few of them can be more than anyone could walk.
const CLOSURES: usize = 256;

/// The names of the host's expressions; the blanks keep scripts from writing them.
const BODY: &str = "function body";
const VALUE: &str = "nested value";

/// Functions that ask about a variable rather than its value.
const ABOUT_VARIABLES: [&str; 3] = ["is_def_var", "is_shared", "type_of"];

pub(super) fn register(engine: &mut Engine, bodies: &Bodies) {
    let bodies = bodies.clone();
    let body = move |context: &mut EvalContext, _: &[Expression], number: &Dynamic| body(context, &bodies, number);
    let registered = engine.register_custom_syntax_handler(BODY, false, body).map(|_| ());
    let registered = registered.and_then(|()| engine.register_custom_syntax_handler(VALUE, false, value).map(|_| ()));
    debug_assert!(registered.is_ok(), "only engines without an interpreter refuse");
}

type Evaluated = Result<Dynamic, Box<EvalAltResult>>;

/// A function's body, which is kept under a number.
fn body(context: &mut EvalContext, bodies: &Bodies, number: &Dynamic) -> Evaluated {
    let Some(body) = bodies.get(number) else {
        return Err("a function's body is missing".into());
    };
    let position = body.block.start_position();
    let budget = budget::current();
    if budget.as_ref().is_some_and(|budget| budget.stack_is_used_up()) {
        let stop = Dynamic::from(budget::Stop::Stack);
        return stopped(EvalAltResult::ErrorTerminated(stop, position).into(), body.file);
    }
    match context.eval_expression_tree(&Expression::from(&body.block)) {
        Ok(value) if fits(&value, NESTING) => Ok(value),
        Ok(_) => Err(too_deep(position)),
        Err(error) => match *error {
            EvalAltResult::Return(value, position) if !fits(&value, NESTING) => Err(too_deep(position)),
            _ => stopped(error, body.file),
        },
    }
}

/// Keeps the place of an error that ends the script whatever it does.
fn stopped(error: Box<EvalAltResult>, file: usize) -> Evaluated {
    if error.is_system_exception()
        && let Some(budget) = budget::current()
    {
        budget.stopped_at(file, error.position());
    }
    Err(error)
}

/// A value that becomes a part of another one, or might.
fn value(context: &mut EvalContext, inputs: &[Expression], _: &Dynamic) -> Evaluated {
    let value = context.eval_expression_tree(&inputs[0])?;
    if fits(&value, NESTING) { Ok(value) } else { Err(too_deep(inputs[0].position())) }
}

fn too_deep(position: Position) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(
        format!("arrays, maps and closures lie in each other more than {NESTING} deep, or within themselves").into(),
        position,
    )
    .into()
}

/// Whether what lies in a value lies at most so deep.
pub(super) fn fits(value: &Dynamic, depth: usize) -> bool {
    let scalar = value.is_int() || value.is_float() || value.is_string();
    scalar || lies_within(value, depth, &mut { CLOSURES })
}

fn lies_within(value: &Dynamic, depth: usize, closures: &mut usize) -> bool {
    let below = |mut parts: &mut dyn Iterator<Item = &Dynamic>, closures: &mut usize| match depth.checked_sub(1) {
        Some(depth) => (&mut parts).all(|part| lies_within(part, depth, closures)),
        None => parts.next().is_none(),
    };
    if let Some(array) = value.read_lock::<Array>() {
        below(&mut array.iter(), closures)
    } else if let Some(map) = value.read_lock::<Map>() {
        below(&mut map.values(), closures)
    } else if let Some(function) = value.read_lock::<FnPtr>() {
        let captures = !function.curry().is_empty();
        *closures -= usize::from(captures && *closures > 0);
        !captures || (*closures > 0 && below(&mut function.iter_curry(), closures))
    } else {
        true
    }
}

/// The bodies of the functions of one engine's scripts, as they are evaluated.
#[derive(Clone, Default)]
pub(super) struct Bodies(Arc<RwLock<Vec<Arc<Body>>>>);

struct Body {
    block: Expr,
    /// The number of its file.
    file: usize,
}

impl Bodies {
    fn get(&self, number: &Dynamic) -> Option<Arc<Body>> {
        let number = usize::try_from(number.as_int().ok()?).ok()?;
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(number).cloned()
    }

    /// Keeps bodies and returns their numbers.
    fn add(&self, bodies: Vec<Body>) -> Range<usize> {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let first = all.len();
        all.extend(bodies.into_iter().map(Arc::new));
        first..all.len()
    }

    /// The same script with the host's expressions in it. `file` is its number.
    ///
    /// # Errors
    /// Where the engine does not take the host's own text: never.
    pub(super) fn guarded(&self, ast: &AST, file: usize) -> Result<AST> {
        let (mut functions, mut bodies) = (Vec::new(), Vec::new());
        let mut guarded = Module::new();
        for (.., function) in ast.shared_lib().iter_script_fn_info() {
            let statements = statements_of(function);
            if statements.is_empty() {
                guarded.set_script_fn(function.clone());
                continue;
            }
            let (start, end) = (function.body.start_position(), function.body.end_position());
            let mut block = StmtBlock::new(statements, start, end);
            block_of(&mut block);
            bodies.push(Body { block: Expr::Stmt(Box::new(block)), file });
            functions.push(ScriptFuncDef::clone(function));
        }
        let stubs = stubs(self.add(bodies)).map_err(|e| Error::new(format!("the script engine failed: {e}")))?;
        for (mut function, stub) in functions.into_iter().zip(stubs) {
            function.body = stub.body;
            guarded.set_script_fn(function);
        }
        let mut statements = ast.statements().to_vec();
        statements.iter_mut().for_each(statement);
        let mut guarded = AST::new(statements, guarded);
        if let Some(source) = ast.source() {
            guarded.set_source(source);
        }
        Ok(guarded)
    }
}

/// The statements of a function's body. The engine shows them on walks only.
fn statements_of(function: &ScriptFuncDef) -> Vec<Stmt> {
    let mut alone = Module::new();
    alone.set_script_fn(function.clone());
    let mut statements = Vec::new();
    AST::new([], alone).walk(&mut |path| {
        if let [ASTNode::Stmt(statement)] = path {
            statements.push((*statement).clone());
        }
        true
    });
    statements
}

/// Functions whose bodies are the host's expression with these numbers. Only the engine's parser makes bodies.
fn stubs(numbers: Range<usize>) -> Result<Vec<ScriptFuncDef>, rhai::ParseError> {
    let mut parser = Engine::new_raw();
    parser.set_optimization_level(rhai::OptimizationLevel::None).set_max_functions(usize::MAX);
    // No text holds a word with a blank: the parser is handed it in place of another one.
    #[expect(deprecated, reason = "it is not, the engine's documentation says; it may change")]
    parser.on_parse_token(|token, _, _| match token {
        Token::Identifier(name) if *name == "body" => Token::Identifier(Box::new(BODY.into())),
        token => token,
    });
    let next = AtomicI64::new(numbers.start as INT);
    parser.register_custom_syntax_with_state_raw(
        BODY,
        move |_, _, state| {
            *state = next.fetch_add(1, Ordering::Relaxed).into();
            Ok(None)
        },
        false,
        |_, _, _| Ok(Dynamic::UNIT),
    );
    let text: String = numbers.clone().map(|number| format!("fn f{number}() {{ body }}\n")).collect();
    let ast = parser.compile(text)?;
    let library = ast.shared_lib();
    Ok(numbers.filter_map(|number| library.get_script_fn(format!("f{number}"), 0)).map(|f| (**f).clone()).collect())
}

fn wrapped(inner: Expr, position: Position) -> Expr {
    let custom = CustomExpr {
        inputs: [inner].into_iter().collect(),
        tokens: [VALUE.into()].into_iter().collect(),
        state: Dynamic::UNIT,
        scope_may_be_changed: false,
        self_terminated: false,
    };
    Expr::Custom(Box::new(custom), position)
}

/// Wraps an expression whose value may be one with parts.
fn wrap(inner: &mut Expr) {
    let scalar = matches!(
        inner,
        Expr::BoolConstant(..)
            | Expr::IntegerConstant(..)
            | Expr::FloatConstant(..)
            | Expr::CharConstant(..)
            | Expr::StringConstant(..)
            | Expr::InterpolatedString(..)
            | Expr::DynamicConstant(..)
            | Expr::Unit(..)
            | Expr::And(..)
            | Expr::Or(..)
            | Expr::Custom(..)
    );
    if !scalar {
        let position = inner.start_position();
        *inner = wrapped(std::mem::take(inner), position);
    }
}

fn block_of(block: &mut StmtBlock) {
    block.statements_mut().iter_mut().for_each(statement);
}

fn statement(it: &mut Stmt) {
    match it {
        Stmt::If(flow, _) | Stmt::While(flow, _) | Stmt::Do(flow, ..) | Stmt::TryCatch(flow, _) => {
            expression(&mut flow.expr);
            block_of(&mut flow.body);
            block_of(&mut flow.branch);
        }
        Stmt::For(parts, _) => {
            let flow = &mut parts.2;
            expression(&mut flow.expr);
            block_of(&mut flow.body);
            block_of(&mut flow.branch);
        }
        Stmt::Switch(parts, _) => {
            expression(&mut parts.0);
            for case in &mut parts.1.expressions {
                expression(&mut case.lhs);
                expression(&mut case.rhs);
            }
        }
        Stmt::Var(parts, ..) => expression(&mut parts.1),
        Stmt::Assignment(parts) => {
            let whole = matches!(parts.1.lhs, Expr::Variable(..) | Expr::ThisPtr(..)) && !parts.0.is_op_assignment();
            expression(&mut parts.1.lhs);
            expression(&mut parts.1.rhs);
            if !whole {
                wrap(&mut parts.1.rhs);
            }
        }
        Stmt::FnCall(call, _) => arguments(call, false),
        Stmt::Block(block) => block_of(block),
        Stmt::Expr(inner) => expression(inner),
        Stmt::BreakLoop(Some(inner), ..) | Stmt::Return(Some(inner), ..) => expression(inner),
        // Nothing of these is a value with parts.
        _ => {}
    }
}

fn expression(it: &mut Expr) {
    match it {
        Expr::InterpolatedString(parts, _) => parts.iter_mut().for_each(expression),
        Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => parts.iter_mut().for_each(expression),
        Expr::Array(parts, _) => {
            parts.iter_mut().for_each(expression);
            wrap(it);
        }
        Expr::Map(parts, _) => {
            parts.0.iter_mut().for_each(|(_, part)| expression(part));
            wrap(it);
        }
        Expr::MethodCall(call, _) => arguments(call, true),
        Expr::FnCall(call, _) => arguments(call, false),
        Expr::Stmt(block) => block_of(block),
        Expr::Dot(parts, ..) | Expr::Index(parts, ..) => {
            expression(&mut parts.lhs);
            expression(&mut parts.rhs);
        }
        // Constants, variables, properties; scripts cannot write expressions of the host's.
        _ => {}
    }
}

fn arguments(call: &mut FnCallExpr, method: bool) {
    if ABOUT_VARIABLES.contains(&call.name.as_str()) {
        return;
    }
    let operator = call.is_operator_call();
    for (k, argument) in call.args.iter_mut().enumerate() {
        expression(argument);
        // The first argument of `push(list, 1)` is changed in place: it has to stay a variable. What an operator makes has the
        // parts that its operands had.
        let place = matches!(argument, Expr::Variable(..) | Expr::ThisPtr(..) | Expr::Dot(..) | Expr::Index(..));
        if !operator && (method || k > 0 || !place) {
            wrap(argument);
        }
    }
}
