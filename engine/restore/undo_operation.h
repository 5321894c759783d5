// One undo: the swap back to the previous generation, and the operator's programs around it.
// Threading: made by the thread that accepts it, then used by the one that runs it only.
#pragma once

#include <memory>

#include "restore/engine_parts.h"
#include "restored/error.h"

namespace restored::restore {

class UndoOperation {
 public:
  // `back`: the generation that was the previous one when it was accepted. No start continues an
  // undo, so this is on no record.
  UndoOperation(EngineParts& parts, std::shared_ptr<Operation> operation, Claim claim,
                GenerationNumber back);

  Result<void> run();
  // Gives up its claim. Called once the end is on record.
  void release();

 private:
  EngineParts& parts_;
  const std::shared_ptr<Operation> operation_;
  Claim claim_;
  const GenerationNumber back_;
};

}  // namespace restored::restore
