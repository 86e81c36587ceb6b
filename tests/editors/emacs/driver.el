;;; driver.el --- What a person does in Emacs, for the tests  -*- lexical-binding: t; -*-

(require 'cl-lib)
(require 'json)
(require 'eglot)
;; Else eglot opens a menu of the window system.
(setq last-nonmenu-event ?x)
(setq make-backup-files nil create-lockfiles nil)

(defconst driver-seconds 60 "Limit of every wait: a loaded machine is slow.")

(defun driver-until (condition)
  "Waits for the first value of CONDITION that is not nil, which is returned."
  (let ((end (+ (float-time) driver-seconds)) value)
    (while (not (setq value (funcall condition)))
      (when (> (float-time) end)
        (error "Waited in vain; %S" (driver-findings)))
      (accept-process-output nil 0.05))
    value))

(defun driver-open (file)
  "Visits FILE and starts the server, as `M-x eglot' does."
  (find-file file)
  (unless (eglot-current-server)
    (apply #'eglot (append (eglot--guess-contact) '(nil))))
  (flymake-mode 1)
  (flymake-start))

(defun driver-findings ()
  "[message line text-it-marks] of each finding; lines count from 1."
  (mapcar (lambda (one)
            (vector (flymake-diagnostic-text one)
                    (line-number-at-pos (flymake-diagnostic-beg one))
                    (buffer-substring-no-properties
                     (flymake-diagnostic-beg one) (flymake-diagnostic-end one))))
          (flymake-diagnostics)))

(defun driver-type (text)
  "Types TEXT at point, and waits as long as eglot does before it tells the server."
  (insert text)
  (driver-idle))

(defun driver-idle ()
  "What eglot does when nothing was typed for a moment; a batch run is never idle."
  (eglot--signal-textDocument/didChange))

(defun driver-go-to (text)
  "Puts point to the beginning of the first TEXT."
  (goto-char (point-min))
  (search-forward text)
  (goto-char (match-beginning 0)))

(defun driver-offered (beginning)
  "Whether an action at point has a title that begins so; a fix is offered once it is checked."
  (cl-some (lambda (action) (string-prefix-p beginning (plist-get action :title)))
           (eglot-code-actions (point) (point))))

(defun driver-choose (beginning command &optional meanwhile)
  "Calls COMMAND interactively and picks what begins so from its menu; MEANWHILE runs before that."
  (cl-letf (((symbol-function 'completing-read)
             (lambda (_prompt items &rest _)
               (when meanwhile (funcall meanwhile))
               (or (cl-find-if (lambda (title) (string-prefix-p beginning title))
                               (mapcar (lambda (item) (if (consp item) (car item) item)) items))
                   (error "%S is none of %S" beginning items)))))
    (call-interactively command)))

(defun driver-messages ()
  "All messages so far."
  (with-current-buffer (messages-buffer) (buffer-string)))

(defun driver-answer (value)
  "Hands VALUE to the test."
  (princ (concat "\nANSWER " (json-encode value) "\n")))
