#include "restore/undo_operation.h"

#include <utility>

#include "restore/operation_hooks.h"

namespace restored::restore {

UndoOperation::UndoOperation(EngineParts& parts, std::shared_ptr<Operation> operation, Claim claim,
                             GenerationNumber back)
    : parts_(parts), operation_(std::move(operation)), claim_(std::move(claim)), back_(back) {}

Result<void> UndoOperation::run() {
  RESTORED_TRY(ask_before_swap(parts_, *operation_, operation_->stop_token()));
  RESTORED_TRY(operation_->pass_point_of_no_return());
  RESTORED_TRY(const catalog::SwapReport report, claim_.database().undo(operation_->id(), back_));
  operation_->note_swap(report.gate_closed_seconds);
  parts_.step("restore.undo.after-swap");
  return {};
}

void UndoOperation::release() {
  parts_.step("restore.undo.after-end");
  claim_.release();
}

}  // namespace restored::restore
